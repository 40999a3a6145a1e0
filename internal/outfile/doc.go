// Package outfile opens, locks, marks, compresses and replaces files, and decompresses input files.
// It does not interpret their contents.
package outfile
