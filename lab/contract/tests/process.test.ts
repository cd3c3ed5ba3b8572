import { runContract } from "./contract.js";

runContract("process");
