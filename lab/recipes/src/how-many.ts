/** How much of something a test does: little by default, and as much as a variable of the environment says. */
export function howMany(variable: string, byDefault: number): number {
  const said = process.env[variable];
  if (said === undefined) return byDefault;
  const count = Number(said);
  if (!Number.isInteger(count) || count < 1)
    throw new Error(`${variable} must be a whole number, not ${said}`);
  return count;
}
