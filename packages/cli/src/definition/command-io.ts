/** The process around a command. */
export interface CommandIo {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stdout: NodeJS.WritableStream & {
    readonly isTTY?: boolean;
    readonly columns?: number | undefined;
    readonly rows?: number | undefined;
  };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** In a shell: the znode that relative paths start from. */
  readonly znode?: string;
  /** Gives signals of the system to whoever asks, until what it returns is called. Missing where there is no process of our own. */
  readonly takeSignals?: (
    signals: readonly NodeJS.Signals[],
    take: (signal: NodeJS.Signals) => boolean,
  ) => () => void;
}
