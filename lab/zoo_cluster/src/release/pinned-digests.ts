import type { ExpectedDigest } from "./digest.js";

/**
 * Digests that we know, so that neither a mirror nor a cache on the way can hand us other bytes.
 *
 * A version without an entry here is not refused where it comes through the Maven client (which has checks of its
 * own), but a tarball is never used on the word of the server that sent it.
 */

/** SHA-512 of the server jar `org.apache.zookeeper:zookeeper:VERSION`, computed from the published artifacts. */
const serverJars: Readonly<Record<string, string>> = {
  "3.4.6":
    "de4ba62ca0c88976f172f850b1d07426fe31714d94ecdc7eb9699ecf180576e758f6fd94e94c46876a489b96a4b586fca8ada4c53d63b474f63721a33a7e4b93",
  "3.4.14":
    "7139142727d6fb5ff28934a0f6a01f5ccb9047a89d4e4a675460fe5e5af7731c98602dafd84d72e77e14d134f5cc6882808ae501ca8e39e3a28ad5f4c984ae91",
  "3.5.10":
    "56dc974b5108912961bef3dcdd168aaa802fe923490c0d846dd9643cba7c0e1891c79fcf416eda48fd50d9c22f7ae22b6338fd2b039574682247f20d5681fec3",
  "3.6.4":
    "1429ea13087782bfe58a691adb824c1e4e74bd8b8775daa3f74ea02ea7eac23b703e344ac94d5b4c92dc32a4e5a2bf6939194a8e147180635eac6f80ea68797b",
  "3.7.2":
    "df428433504b1245d59bf8bd6d16ee1dbdc83c0da1707ce74afaa3e4fee06e8897960880412b36a3ad8fa3ff6bcf3fcfd463676ad85df3d1a89c20a9db970a67",
  "3.8.4":
    "d66260fc4b3a890adda33486507ca100a8721c33d3371cb9be672c84fa0703d905e12f5c29f213b44e88454a7dbaf2b2b2a57ef63164ab69dbaf3aef6a2d70c8",
  "3.9.3":
    "3e247ea73bafd5180feafc31af91cd396f6b3b82612f76590eee684285bac756fecfa164d3aebc22521bfbb46f19d52d4d209a214722f4293caee4118474b88f",
};

/**
 * Digests of the binary tarballs, each taken only where at least two distributions of software that check it before they
 * build or install, independent of one another, agree on the value (Nixpkgs, Homebrew formulas and Chef recipes for
 * 3.4.6, Spack for 3.8.4, vcpkg for 3.9.3, each with others). The project itself published only MD5 and SHA-1 with 3.4.6.
 */
const tarballs: Readonly<Record<string, Omit<ExpectedDigest, "origin">>> = {
  "3.4.6": { algorithm: "sha256", hex: "01b3938547cd620dc4c93efe07c0360411f4a66962a70500b163b59014046994" },
  "3.8.4": { algorithm: "sha256", hex: "284cb4675adb64794c63d95bf202d265cebddc0cda86ac86fb0ede8049de9187" },
  "3.9.3": {
    algorithm: "sha512",
    hex: "d44d870c1691662efbf1a8baf1859c901b820dc5ff163b36e81beb27b6fbf3cd31b5f1f075697edaaf6d3e7a4cb0cc92f924dcff64b294ef13d535589bdaf143",
  },
};

/** The known digest of the server jar of a version as Maven repositories have it, or null. */
export function pinnedServerJar(version: string): ExpectedDigest | null {
  const hex = Object.hasOwn(serverJars, version) ? serverJars[version] : undefined;
  return hex === undefined ? null : { algorithm: "sha512", hex, origin: "known to the lab" };
}

/** The known digest of the binary tarball of a version, or null. */
export function pinnedTarball(version: string): ExpectedDigest | null {
  const pinned = Object.hasOwn(tarballs, version) ? tarballs[version] : undefined;
  return pinned === undefined ? null : { ...pinned, origin: "known to the lab" };
}
