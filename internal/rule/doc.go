// Package rule is the condition language and the schedules of Teleport's access
// monitoring rules: it compiles a rule once, says what the condition wants to
// know, and answers whether a request fulfils it.
//
// The language is Teleport's predicate language as its documentation has it,
// and like there an expression has a type before it has a value. So almost
// everything that can be wrong with a condition is found when the rule
// arrives, with its line and column, and not when a request needs it.
//
// Invariants: compiling and matching are pure and never panic; a condition's
// length, nesting and patterns are bounded, and so is the work of one match,
// whatever a requester writes into a reason; matching never changes the input
// it is given.
//
// It looks nothing up: who needs traits or labels says [Rule.Needs], and
// whoever asks brings them. It knows nothing of who is told.
package rule
