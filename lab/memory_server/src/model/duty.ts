/** What a running server is occupied with. */
import type { Message } from "./messages.js";
import type { Service } from "./service.js";
import type { ServerRole } from "./types.js";

/** One of looking, following, leading, or standing alone. */
export interface Duty {
  readonly role: ServerRole;
  /** Who serves clients, when anybody does. */
  readonly service: Service | undefined;
  /** The leadership that the server belongs to. */
  readonly reign: number;
  hear(from: number, message: Message): void;
  /** Every half tick. */
  tick(): void;
  /** Lets go of everything; whoever relied on it is told. */
  end(): void;
}
