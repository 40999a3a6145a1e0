// Package outfile opens, locks, marks, compresses and replaces files, and decompresses
// those that are read. It does not look at their content.
package outfile
