// Package outfile opens, locks, marks, compresses and replaces files, and
// decompresses those that are read. It does not look at what is in them.
package outfile
