// Package arch contains only tests. They check the source of masstrace against rules that the
// compiler does not check. Such rules are which package may import which, how long a file may be,
// and which contents the documents must have.
package arch
