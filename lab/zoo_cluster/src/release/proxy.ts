import type { Environment } from "./types.js";

/**
 * The proxy for a URL by the usual variables (`http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`, in lower or upper
 * case, lower first), or null for a direct connection.
 *
 * @throws Error for a proxy that is not reached over plain HTTP, such as SOCKS
 */
export function proxyFor(url: URL, env: Environment): URL | null {
  const scheme = url.protocol.slice(0, -1);
  const value = variable(env, `${scheme}_proxy`) ?? variable(env, "all_proxy");
  if (value === null || bypassesProxy(url, variable(env, "no_proxy") ?? "")) return null;
  let proxy: URL;
  try {
    proxy = new URL(value.includes("://") ? value : `http://${value}`);
  } catch {
    throw new Error(`the variable ${scheme}_proxy is no URL`);
  }
  if (proxy.protocol !== "http:")
    throw new Error(`a ${proxy.protocol.slice(0, -1)} proxy is not supported, only http`);
  return proxy;
}

/** The value for `Proxy-Authorization`, when the proxy's URL carries a name and password. */
export function proxyAuthorization(proxy: URL): string | null {
  if (proxy.username === "" && proxy.password === "") return null;
  const pair = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return `Basic ${Buffer.from(pair, "utf8").toString("base64")}`;
}

function variable(env: Environment, name: string): string | null {
  return env[name] || env[name.toUpperCase()] || null;
}

/** `no_proxy` is a list of `*`, hosts, domains with or without a leading dot, each perhaps with a port. */
function bypassesProxy(url: URL, list: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return list.split(/[\s,]+/).some((raw) => {
    const entry = raw.toLowerCase();
    if (entry === "") return false;
    if (entry === "*") return true;
    const withPort = /^(.*[^:]):(\d+)$/.exec(entry);
    if (withPort && !withPort[1]!.includes(":") && withPort[2] !== port) return false;
    const name = (withPort && !withPort[1]!.includes(":") ? withPort[1]! : entry).replace(
      /^\*?\.|^\[|\]$/g,
      "",
    );
    return host === name || host.endsWith(`.${name}`);
  });
}
