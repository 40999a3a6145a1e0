// Package arch has no code but tests: they hold the source of masstrace to the rules that
// the compiler does not know. The table of imports, the length of files, and the content of
// documents.
package arch
