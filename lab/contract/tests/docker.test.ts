import { runContract } from "./contract.js";

runContract("docker");
