/** `lab image` */
import type { Command } from "commander";
import { connectEngine } from "../../docker/engine.js";
import { ensureServerImage } from "../../docker/server-image.js";
import { checkVersion, defaultVersion } from "../../release/version.js";
import type { CommandContext } from "../options.js";

interface ImageFlags {
  readonly json?: boolean;
  readonly version?: string;
}

/** `lab image`: what `lab up --docker` would do first, ahead of it. */
export function addImage(program: Command, context: CommandContext): void {
  program
    .command("image")
    .description("build the image of servers in containers, if there is none yet, and say its name")
    .option("--json", "print JSON on stdout, and nothing else there")
    .option("--version <version>", "ZooKeeper release, such as 3.4.6 or 3.9.3")
    .action(async ({ json, version = defaultVersion }: ImageFlags) => {
      checkVersion(version);
      const { env, onProgress, signal, terminal } = context;
      const image = await ensureServerImage(await connectEngine(), version, { env, onProgress, signal });
      if (json === true) terminal.printJson({ image, version });
      else terminal.print(image);
    });
}
