/** What the system says of a failure, in words that can stand in a sentence. */

/** Of a file: without the code and the name of the file, which the sentence has already. */
export function whyFile(error: unknown): string {
  const { message, code, syscall } = error as NodeJS.ErrnoException;
  if (code === "EISDIR") return "it is a folder";
  if (code === undefined || syscall === undefined) return message;
  const behind = message.lastIndexOf(`, ${syscall}`);
  return (behind < 0 ? message : message.slice(0, behind)).replace(`${code}: `, "");
}

const OF_SERVERS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nobody listens there",
  ECONNRESET: "the connection was broken",
  ETIMEDOUT: "there is no answer",
  EHOSTUNREACH: "the host cannot be reached",
  ENETUNREACH: "its network cannot be reached",
  ENOTFOUND: "there is no host of that name",
  EAI_AGAIN: "its name cannot be resolved now",
};

/** Of a connection: with the code, which people search for, and without the address, which the sentence has already. */
export function whyServer(error: NodeJS.ErrnoException): string {
  const words = OF_SERVERS[error.code ?? ""];
  return words === undefined ? error.message : `${words}, ${error.code}`;
}
