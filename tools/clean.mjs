// Forgets all build output and every cache of it. Dependencies stay.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { packageDirectories } from "./workspace.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
for (const directory of [".", "tools", ...packageDirectories(root)]) {
  for (const made of ["dist", ".turbo"])
    rmSync(join(root, directory, made), { recursive: true, force: true });
}
