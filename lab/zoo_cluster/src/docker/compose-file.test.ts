import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { defaultVersion } from "../release/version.js";
import { composeFile } from "./compose-file.js";
import { fetchingFiles } from "./server-image.js";

const root = fileURLToPath(new URL("../../../../", import.meta.url));

// After a wanted change: `npx vitest run --project lab lab/zoo_cluster/src/docker/compose-file -u`, and commit what it wrote.
describe("what is committed for docker compose", () => {
  const committed = {
    "compose.yaml": composeFile(),
    ...Object.fromEntries(
      Object.entries(fetchingFiles(defaultVersion)).map(([path, text]) => [
        join("lab/zoo_cluster", path),
        text,
      ]),
    ),
  };

  it.each(Object.entries(committed))("%s is what the code would write", async (path, text) => {
    // A missing one would be written by the first run and pin nothing.
    expect(existsSync(join(root, path)) || process.env["CI"] === undefined).toBe(true);
    await expect(text).toMatchFileSnapshot(join(root, path));
  });
});
