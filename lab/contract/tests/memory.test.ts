import { runContract } from "./contract.js";

runContract("memory");
