import {
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { proxyAuthorization, proxyFor } from "./proxy.js";
import type { Environment } from "./types.js";

/** Settings of {@link httpGet}. */
export interface HttpGetOptions {
  /** For the proxy variables. */
  readonly env: Environment;
  /** Limit for the time until an answer begins, in milliseconds. */
  readonly answerTimeoutMs: number;
  /** First byte wanted; the server may send the whole file all the same. */
  readonly rangeStart?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Most redirects that are followed for one file. */
export const redirectsMax = 5;

/**
 * Sends a GET and follows redirects; never from https to http.
 *
 * @returns the answer with its body unread, and the address it came from
 * @throws Error when nothing answers; the signal's reason on abort
 */
export async function httpGet(
  address: URL,
  options: HttpGetOptions,
): Promise<{ answer: IncomingMessage; url: URL }> {
  let url = address;
  for (let redirects = 0; ; redirects += 1) {
    const answer = await getOnce(url, options);
    const location = answer.headers.location;
    if (![301, 302, 303, 307, 308].includes(answer.statusCode ?? 0) || location === undefined)
      return { answer, url };
    answer.destroy();
    if (redirects === redirectsMax)
      throw new Error(`${printable(address)} redirects more than ${redirectsMax} times`);
    const next = new URL(location, url);
    if (!/^https?:$/.test(next.protocol) || (url.protocol === "https:" && next.protocol === "http:")) {
      throw new Error(`${printable(url)} redirects to ${printable(next)}, which is not followed`);
    }
    url = next;
  }
}

/** A URL for messages: without name, password and query, which may be secrets. */
export function printable(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

async function getOnce(url: URL, options: HttpGetOptions): Promise<IncomingMessage> {
  const proxy = proxyFor(url, options.env);
  const headers: Record<string, string> = {
    "user-agent": "zk-lab",
    accept: "*/*",
    "accept-encoding": "identity",
    ...(options.rangeStart ? { range: `bytes=${options.rangeStart}-` } : {}),
  };
  const common: RequestOptions = { method: "GET", headers, agent: false };
  if (url.username !== "")
    common.auth = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  if (proxy === null) {
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    return answerOf(send(url, common), url, options);
  }
  const authorization = proxyAuthorization(proxy);
  if (url.protocol === "http:") {
    headers["host"] = url.host;
    if (authorization !== null) headers["proxy-authorization"] = authorization;
    return answerOf(
      httpRequest({
        ...common,
        host: bareHost(proxy),
        port: proxy.port || 80,
        path: printable(url) + url.search,
      }),
      url,
      options,
    );
  }
  const socket = await openTunnel(url, proxy, authorization, options);
  const secure = await speakTls(socket, url, options);
  // Only a request without any agent uses the connection it is given; it then takes port 80 to be the usual one.
  headers["host"] = url.host;
  const { agent: _agent, ...withoutAgent } = common;
  return answerOf(httpsRequest(url, { ...withoutAgent, createConnection: () => secure }), url, options);
}

/** Awaited before the request is made, since until then nobody would hear of a handshake that fails. */
function speakTls(socket: Socket, url: URL, { answerTimeoutMs, signal }: HttpGetOptions): Promise<TLSSocket> {
  const servername = bareHost(url);
  const secure = connectTls({ socket, ...(isIP(servername) ? {} : { servername }) });
  return new Promise((resolve, reject) => {
    const abort = (): void => void secure.destroy(signal!.reason);
    secure.setTimeout(answerTimeoutMs, () => {
      secure.destroy(new Error(`${printable(url)} did not answer within ${answerTimeoutMs} ms`));
    });
    secure.once("secureConnect", () => {
      secure.setTimeout(0);
      signal?.removeEventListener("abort", abort);
      resolve(secure);
    });
    // Stays on: once the request has the socket, its errors are reported there too.
    secure.on("error", reject);
    secure.once("close", () => reject(new Error(`${printable(url)} closed the connection in the handshake`)));
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  });
}

async function openTunnel(
  url: URL,
  proxy: URL,
  authorization: string | null,
  options: HttpGetOptions,
): Promise<Socket> {
  const authority = `${url.hostname}:${url.port || 443}`;
  const request = httpRequest({
    method: "CONNECT",
    host: bareHost(proxy),
    port: proxy.port || 80,
    path: authority,
    headers: { host: authority, ...(authorization === null ? {} : { "proxy-authorization": authorization }) },
    agent: false,
  });
  return settle(request, options, `the proxy ${printable(proxy)}`, (resolve, reject) => {
    request.once("connect", (answer, socket) => {
      if (answer.statusCode === 200) resolve(socket as Socket);
      else {
        socket.destroy();
        reject(new Error(`the proxy ${proxy.host} refuses ${authority} with status ${answer.statusCode}`));
      }
    });
    request.once("response", (answer) => {
      answer.destroy();
      reject(new Error(`the proxy ${proxy.host} refuses ${authority} with status ${answer.statusCode}`));
    });
  });
}

function answerOf(request: ClientRequest, url: URL, options: HttpGetOptions): Promise<IncomingMessage> {
  return settle(request, options, printable(url), (resolve) => request.once("response", resolve));
}

function settle<T>(
  request: ClientRequest,
  options: HttpGetOptions,
  whom: string,
  listen: (resolve: (value: T) => void, reject: (error: Error) => void) => void,
): Promise<T> {
  const { signal, answerTimeoutMs } = options;
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(
      () => request.destroy(new Error(`${whom} did not answer within ${answerTimeoutMs} ms`)),
      answerTimeoutMs,
    );
    const abort = (): void => {
      request.destroy();
      finish(() => reject(signal!.reason));
    };
    const finish = (settleNow: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      settleNow();
    };
    // The listener stays on: an error after the answer has come is reported by the answer's own stream.
    request.on("error", (error) => finish(() => reject(error)));
    listen(
      (value) => finish(() => resolve(value)),
      (error) => finish(() => reject(error)),
    );
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
    request.end();
  });
}

function bareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}
