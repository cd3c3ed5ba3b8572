import { Election, observeRecipes, type RecipeEvent, type Term } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { gate, told, until, World } from "../src/index.js";

describe("a leader that goes on although it was told to stop", () => {
  it("is complained of after its grace, and its term has not ended", async () => {
    await using world = await World.begin();
    const [one, two] = [await world.actor(), await world.actor()];
    const election = new Election(one.client, "/leader");
    const events: RecipeEvent[] = [];
    observeRecipes(one.client, (event) => events.push(event));
    const overstays: number[] = [];
    const stop = new AbortController();
    const { passed, open } = gate();
    let term: Term | undefined;
    const leading = election.lead(
      async (each) => {
        term = each;
        await passed;
      },
      { signal: stop.signal, graceMs: 700, onOverstay: (_term, forMs) => overstays.push(forMs) },
    );
    await world.until("it leads", () => term !== undefined);
    let otherLeads = false;
    const other = new Election(two.client, "/leader").lead(() => {
      otherLeads = true;
    });
    let again = false;
    const next = election.lead(() => {
      again = true;
    });
    stop.abort();
    await world.pass(690);
    expect(overstays).toEqual([]);
    await world.pass(20);
    expect(overstays).toEqual([700]);
    expect(events).toContainEqual({
      type: "overstay",
      recipe: "Election",
      path: term!.path,
      token: term!.token,
      forMs: 700,
    });
    await world.pass(60_000);
    expect([otherLeads, again, term!.state]).toEqual([false, false, "held"]);
    expect(overstays).toHaveLength(1);
    open();
    await world.let("its end", leading);
    await world.let("the other one", other);
    await world.let("its next one", next);
  });

  it("is complained of by a process warning when nobody else wants to hear", async () => {
    await using world = await World.begin();
    const { client } = await world.actor();
    const warnings: Error[] = [];
    const hear = (warning: Error): void => void warnings.push(warning);
    process.on("warning", hear);
    const stop = new AbortController();
    const { passed, open } = gate();
    const leads = gate();
    const leading = new Election(client, "/leader").lead(
      async () => {
        leads.open();
        await passed;
      },
      { signal: stop.signal, graceMs: 10 },
    );
    await world.let("it leads", leads.passed);
    stop.abort("enough");
    await world.pass(20);
    await until("the warning", () => warnings.some(({ name }) => name === "ZkRecipeWarning"));
    process.off("warning", hear);
    expect(warnings.find(({ name }) => name === "ZkRecipeWarning")?.message).toMatch(
      /^Election \/leader\/_c_.*: the leader goes on 10 ms after it was told to stop/,
    );
    open();
    await world.let("its end", leading);
  });

  it("keeps its process from leading again, but not others, when its session has gone", async () => {
    await using world = await World.begin();
    const [one, two] = [await world.actor({ afterExpiry: "renew" }), await world.actor()];
    const election = new Election(one.client, "/leader");
    const { passed, open } = gate();
    let runs = 0;
    let running = 0;
    const stop = new AbortController();
    const leading = told(
      election.lead(
        async () => {
          runs += 1;
          running += 1;
          expect(running).toBe(1);
          await passed;
          running -= 1;
        },
        { autoRequeue: true, signal: stop.signal, onOverstay: () => {} },
      ),
    );
    await world.until("it leads", () => runs === 1);
    one.cable.cut();
    await world.let(
      "the other one",
      new Election(two.client, "/leader").lead((term) => term.verify()),
    );
    one.cable.mend();
    await world.pass(20_000);
    expect(runs).toBe(1);
    open();
    await world.until("it leads again", () => runs > 1);
    stop.abort();
    await world.let("its end", leading);
  });
});
