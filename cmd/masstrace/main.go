// Command masstrace traces the paths to many targets at once.
package main

import (
	"os"

	"github.com/masstrace/masstrace/cmd/masstrace/commands"
)

// version is the version of the program; the linker may set it.
var version = "0.1.0-dev"

func main() { os.Exit(commands.Main(version)) }
