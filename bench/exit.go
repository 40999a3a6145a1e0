package bench

import (
	"fmt"
	"os"
)

// Exit ends the command of that name with status 1 if err is not nil.
func Exit(name string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}
