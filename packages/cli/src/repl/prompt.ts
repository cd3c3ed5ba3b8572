/** What stands before a line of the shell: whose znode it is, and in brackets what is to be known before one types. */
import { type Client, parseConnectionString } from "@zk/client";
import { parseSrvr } from "@zk/protocol";
import { type Colour, paint } from "../output/colour.js";
import { visible } from "../output/visible.js";
import { askWord } from "../session/words.js";
import type { Settings } from "../settings/settings.js";

/** Milliseconds that a server has to say its role: the prompt waits for it. */
const ROLE_LIMIT_MS = 300;

/** States of a session in which not everything goes as usual, in words. */
const TROUBLE: Readonly<Partial<Record<Client["state"], string>>> = {
  connecting: "connecting",
  readonly: "no quorum: reads only",
  suspended: "connection lost",
  expired: "session expired",
  authFailed: "credentials refused",
};

/** `zk:/shop [follower]> `, `prod:/ [leader, read-only]> `, `zk:/ [connection lost]> `; without a session `zk:/> `. */
export function promptText(
  settings: Pick<Settings, "context" | "readOnly">,
  znode: string,
  session: { readonly state: Client["state"]; readonly role: string | undefined } | undefined,
  isColoured: boolean,
): string {
  const coloured = (colour: Colour, text: string): string => (isColoured ? paint(colour, text) : text);
  const trouble = session === undefined ? undefined : TROUBLE[session.state];
  const facts = [
    session?.role === undefined || trouble !== undefined ? undefined : coloured("dim", session.role),
    settings.readOnly ? coloured("yellow", "read-only") : undefined,
    trouble === undefined ? undefined : coloured("red", trouble),
  ].filter((fact) => fact !== undefined);
  const where = coloured("cyan", `${visible(settings.context ?? "zk")}:${visible(znode)}`);
  return `${where}${facts.length === 0 ? "" : ` [${facts.join(", ")}]`}> `;
}

/** The role of the server that a session is connected with. Asked once for each connection: who leads anew begins anew. */
export class ServerRole {
  #client: Client | undefined;
  #isKnown = false;
  #role: string | undefined;

  /** Undefined where the server does not say, or not in time. Never rejects. */
  async of(client: Client): Promise<string | undefined> {
    if (client !== this.#client) {
      this.#client = client;
      this.#isKnown = false;
      client.on("state", () => {
        this.#isKnown = false;
      });
    }
    const { server } = client;
    if (client.state !== "connected" || server === undefined) return undefined;
    if (!this.#isKnown) {
      // Before the question: a connection that is lost meanwhile makes its answer worthless.
      this.#isKnown = true;
      this.#role = await askRole(server);
    }
    return this.#role;
  }
}

async function askRole(server: string): Promise<string | undefined> {
  const [target] = parseConnectionString(server).servers;
  if (target === undefined) return undefined;
  const answer = await askWord(target, "srvr", { limitMs: ROLE_LIMIT_MS });
  if (answer.kind !== "answer") return undefined;
  const said = parseSrvr(answer.text);
  return said.serving && said.mode !== "unknown" ? said.mode : undefined;
}
