package commands

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/masstrace/masstrace/internal/annotate"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
)

// DatabaseFlags name databases with entries for addresses.
type DatabaseFlags struct {
	Annotate []string `group:"Output" name:"annotate" placeholder:"FILE" sep:"none" help:"Add AS numbers, exchanges, countries and names of this database to hops and targets. Repeat it for more files; none is no file. Default: the files in $MASSTRACE_ANNOTATE, separated by colons, else those in the folder /etc/masstrace/annotate."`
}

// The places where databases are found.
const (
	databaseVariable = "MASSTRACE_ANNOTATE"
	databaseFolder   = "/etc/masstrace/annotate"
	noDatabase       = "none"
)

// databaseFiles returns the databases that a command names, else those that are found.
func databaseFiles(named []string, environ func(string) (string, bool), folder string) ([]string, error) {
	if len(named) == 0 {
		list, set := environ(databaseVariable)
		if !set {
			return filesIn(folder)
		}
		named = filepath.SplitList(list)
	}
	return slices.DeleteFunc(slices.Clone(named), func(path string) bool { return path == noDatabase || path == "" }), nil
}

// filesIn returns the files in a folder in the order of their names, but hidden ones. A folder that
// does not exist has none.
func filesIn(folder string) (list []string, err error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			list = append(list, filepath.Join(folder, e.Name()))
		}
	}
	return list, err
}

// files returns the databases of a command.
func (f *DatabaseFlags) files() ([]string, error) {
	return databaseFiles(f.Annotate, os.LookupEnv, databaseFolder)
}

// openDatabases opens databases, until ctx ends. Without any it returns nil.
func openDatabases(ctx context.Context, c annotate.Config) (*annotate.Annotator, error) {
	if len(c.Uses()) == 0 {
		return nil, nil
	}
	d, err := annotate.Open(ctx, c)
	if wrong, ok := errors.AsType[*annotate.KindError](err); ok {
		return nil, &plan.ConfigError{Field: wrong.Option, Err: wrong}
	}
	if _, ok := errors.AsType[*annotate.FileError](err); ok {
		return nil, &run.Incomplete{Err: err}
	}
	if err != nil {
		return nil, err
	}
	return annotate.New(d), nil
}

// annotated returns the error of a run whose records were annotated. It is that of the run, else
// the first one of a database. a may be nil.
func annotated(err error, a *annotate.Annotator) error {
	if err == nil && a != nil && a.Err() != nil {
		return &run.Incomplete{Err: a.Err()}
	}
	return err
}

// sharedAnnotator answers several goroutines.
type sharedAnnotator struct {
	mu sync.Mutex
	a  *annotate.Annotator
}

// of returns the annotation of an address.
func (s *sharedAnnotator) of(addr probe.Addr) *record.Annotation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.a.Of(addr)
}

// record annotates a record.
func (s *sharedAnnotator) record(r record.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.a.Record(r)
}
