/** What has to be known of wishes that are no calls: connect, close, addAuth. */
import { ZkError, type ZkErrorCode } from "./errors.js";
import type { Ticket } from "./inputs.js";
import type { Credential, Limits } from "./options.js";

/** Someone who waits for a credential to be accepted. */
export interface AuthTicket {
  readonly ticket: Ticket;
  /** Counts from 1 over the machine's life, so that a packet can say whom its reply answers. */
  readonly number: number;
}

/** An error that tells of no operation. It is about no write, so nothing was applied. */
export function ticketError(code: ZkErrorCode, message: string, cause?: unknown): ZkError {
  return new ZkError({ code, message, applied: "no", cause });
}

/** Sent first on every connection, a credential above the server's frame limit would cost each of them. */
export function refusedCredential(credential: Credential, limits: Limits): ZkError | undefined {
  // Header, type, two lengths; three bytes are the most that one UTF-16 unit takes.
  const bytes = 20 + credential.scheme.length * 3 + credential.auth.size;
  if (bytes <= limits.requestBytesMax) return undefined;
  const message = `the credential has ${bytes} bytes, ${limits.requestBytesMax} is the limit (requestBytesMax)`;
  return ticketError("REQUEST_TOO_LARGE", message);
}

/** Takes a ticket out of a list. @returns whether it was there */
export function forgetTicket(tickets: Ticket[], ticket: Ticket): boolean {
  const index = tickets.indexOf(ticket);
  if (index >= 0) tickets.splice(index, 1);
  return index >= 0;
}

/** The same for those who wait for a credential. */
export function forgetAuthTicket(tickets: AuthTicket[], ticket: Ticket): boolean {
  const index = tickets.findIndex((auth) => auth.ticket === ticket);
  if (index >= 0) tickets.splice(index, 1);
  return index >= 0;
}
