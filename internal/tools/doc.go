// Package tools tests the examples of docs/databases.md, docs/parquet.md, docs/cookbook.md and
// README.md with the programs that they are for, on scans of the simulated Internet. The tests have
// the build tag tools. make test-tools installs the programs and runs the tests.
package tools
