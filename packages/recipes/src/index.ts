// The order of contenders, for those who write a recipe of their own or read the directory of another library's.
export {
  type Contender,
  compareSerials,
  formatSerial,
  type Place,
  parseContender,
  placeOf,
  sortContenders,
} from "./sequence.js";
