package objects

import (
	"cmp"
	"fmt"
	"os"
)

// checkSecret refuses a file that others can read.
func checkSecret(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s: others can read this secret file: chmod 600 it", path)
	}
	return nil
}

// region returns the region of the environment, "" if the store is to be asked.
func region() string { return cmp.Or(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION")) }
