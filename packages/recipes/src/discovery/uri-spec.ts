/**
 * Templates of URIs, such as `{scheme}://{address}:{port}`, as services give them. `{[}` and `{]}` stand for braces.
 *
 * Source: Curator 5.4.0, UriSpec.java
 */
import { RecipeError } from "../errors.js";

/** A piece of a template: text, or the name of what is to be put there. */
export interface UriPart {
  readonly value: string;
  readonly variable: boolean;
}

/**
 * The parts of a template.
 * @throws RecipeError INVALID_ARGUMENT for braces that do not match
 */
export function parseUriSpec(template: string): readonly UriPart[] {
  const parts: UriPart[] = [];
  let isInside = false;
  for (const token of template.split(/([{}])/)) {
    if (token === "") continue;
    if (token === "{" || token === "}") {
      if (isInside === (token === "{")) throw unbalanced(template);
      isInside = token === "{";
    } else {
      parts.push({ value: isInside ? token.trim() : token, variable: isInside });
    }
  }
  if (isInside) throw unbalanced(template);
  return parts;
}

/** The template that has these parts. */
export function formatUriSpec(parts: readonly UriPart[]): string {
  const braces: Readonly<Record<string, string>> = { "{": "{[}", "}": "{]}" };
  return parts
    .map(({ value, variable }) =>
      variable ? `{${value}}` : value.replaceAll(/[{}]/g, (brace) => braces[brace] ?? ""),
    )
    .join("");
}

/** What can be said of an instance in a template. */
export interface UriFields {
  readonly name: string;
  readonly id: string;
  readonly address: string | null;
  readonly port: number | null;
  readonly sslPort: number | null;
  readonly registrationTimeUTC: number;
  readonly serviceType: string;
}

/** Fills a template. What nobody knows is left out; `variables` come before what the instance says. */
export function fillUriSpec(
  template: string,
  instance: UriFields,
  variables: Readonly<Record<string, string | number>> = {},
): string {
  const known: Readonly<Record<string, string | number | null>> = {
    "[": "{",
    "]": "}",
    scheme: instance.sslPort === null ? "http" : "https",
    name: instance.name,
    id: instance.id,
    address: instance.address,
    port: instance.port,
    "ssl-port": instance.sslPort,
    "registration-time-utc": instance.registrationTimeUTC,
    "service-type": instance.serviceType.toLowerCase(),
    ...variables,
  };
  return parseUriSpec(template)
    .map(({ value, variable }) => {
      if (!variable) return value;
      return Object.hasOwn(known, value) ? String(known[value] ?? "") : "";
    })
    .join("");
}

function unbalanced(template: string): RecipeError {
  return new RecipeError({
    code: "INVALID_ARGUMENT",
    message: `the braces of ${JSON.stringify(template)} do not match`,
    recipe: "ServiceDiscovery",
  });
}
