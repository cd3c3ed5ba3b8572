/** What is said of the arguments and options of a command. */

/** What a word on the command line stands for; completion offers accordingly. */
export type WordKind = "path" | "file" | "context" | "url" | "text";

/** One place on the command line. */
export interface ArgumentSpec<Value = unknown> {
  readonly summary: string;
  readonly kind: WordKind;
  readonly isOptional: boolean;
  readonly isVariadic: boolean;
  /** Never read: carries the type. */
  readonly type?: Value;
}

/** One option. `parse` is missing for a flag. */
export interface OptionSpec<Value = unknown> {
  readonly summary: string;
  /** One letter, for `-r`. */
  readonly short?: string;
  /** Name of the value in help, `SECONDS`. */
  readonly value?: string;
  readonly kind?: WordKind;
  readonly choices?: readonly string[];
  readonly isRepeatable?: boolean;
  readonly defaultText?: string;
  /** @throws UsageError */
  readonly parse?: (text: string) => unknown;
  readonly fallback?: unknown;
  /** Never read: carries the type. */
  readonly type?: Value;
}

export type ArgumentSpecs = Readonly<Record<string, ArgumentSpec>>;
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** The values of specs, by their names. */
export type ValuesOf<Specs extends Readonly<Record<string, { readonly type?: unknown }>>> = {
  readonly [Name in keyof Specs]: Specs[Name] extends ArgumentSpec<infer Value> | OptionSpec<infer Value>
    ? Value
    : never;
};
