/**
 * Standard Schema, version 1: what libraries of schemas (zod, valibot, arktype and others) have in common. Only the part that is
 * needed to check a value, written down here so that nothing has to be depended on.
 *
 * Source: Standard Schema 1.0, StandardSchemaV1 (standardschema.dev)
 */

/** A schema of any library that follows the standard. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    /** The library that made it. */
    readonly vendor: string;
    validate(value: unknown): SchemaResult<Output> | Promise<SchemaResult<Output>>;
    /** Not there at run time. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** What a schema says of a value. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** What is wrong with a value. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Where an issue is, such as `database.port`; empty for the value as a whole. */
export function placeOfIssue({ path = [] }: SchemaIssue): string {
  return path.map((part) => String(typeof part === "object" ? part.key : part)).join(".");
}
