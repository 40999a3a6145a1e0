// Package arch has no code but tests: they hold the source of masstrace to the
// rules that the compiler does not know. Which package may import which, how
// long a file may be, what the documents must say.
package arch
