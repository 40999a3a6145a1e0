// Package arch contains only tests. They check the source of masstrace against rules that the
// compiler does not check: which package may import which, how long a file may be, what the
// documents must contain.
package arch
