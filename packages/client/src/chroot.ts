/** Between the paths of the user and the paths of the server. */

/** A prefix that all paths of one client share; the empty string changes nothing. */
export class Chroot {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** The path as the server knows it. */
  toServer(path: string): string {
    if (this.#prefix === "") return path;
    return path === "/" ? this.#prefix : this.#prefix + path;
  }

  /** The path as the user knows it. One outside of the chroot is left alone; whole components are compared. */
  toUser(serverPath: string): string {
    const prefix = this.#prefix;
    if (prefix === "" || !serverPath.startsWith(prefix)) return serverPath;
    if (serverPath.length === prefix.length) return "/";
    return serverPath[prefix.length] === "/" ? serverPath.slice(prefix.length) : serverPath;
  }
}
