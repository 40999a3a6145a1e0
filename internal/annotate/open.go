package annotate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/record"
)

// Config names databases.
type Config struct {
	// Annotate are files of any kind, for all fields that they have.
	Annotate []string
	// The others are files for some fields alone: AS numbers with their names and prefixes,
	// countries, exchanges, and names of addresses.
	ASN, Geo, IXP, Names []string
}

// files returns the files in the order in which they are asked, with the fields that each is for.
func (c *Config) files() (list []request) {
	for _, part := range []struct {
		option string
		paths  []string
		fields Fields
	}{
		{"IXP", c.IXP, Origin | IXP}, {"ASN", c.ASN, Origin}, {"Geo", c.Geo, Country}, {"Names", c.Names, Name},
		{"Annotate", c.Annotate, Origin | IXP | Country | Name},
	} {
		for _, path := range part.paths {
			list = append(list, request{part.option, path, part.fields})
		}
	}
	return list
}

// Uses returns the uses of all files, under the names of the fields of c.
func (c *Config) Uses() (list []outfile.Use) {
	for _, r := range c.files() {
		list = append(list, outfile.Reads(r.option, r.path)...)
	}
	return list
}

// request is a file, and the option and the fields that it is for.
type request struct {
	option, path string
	fields       Fields
}

// Databases are open databases. They are in memory: their files may change.
type Databases struct {
	list    []database
	fields  Fields // that the databases give
	origins bool   // some give the origins of more than members of exchanges
}

// Open reads databases, until ctx ends. Errors are those of the system about a file, a *FileError
// or a *KindError. A database in memory takes at most 256 MB besides its contents.
func Open(ctx context.Context, c Config) (*Databases, error) {
	d := new(Databases)
	for _, r := range c.files() {
		db, err := openOne(ctx, r)
		if err != nil {
			return nil, err
		}
		d.list = append(d.list, db)
		d.fields |= db.fields
		d.origins = d.origins || db.fields&Origin != 0 && db.Kind != kindPeeringDB
	}
	// The addresses of members of exchanges are exact.
	slices.SortStableFunc(d.list, func(a, b database) int { return rank(a) - rank(b) })
	return d, nil
}

func rank(d database) int {
	if d.Kind == kindPeeringDB {
		return 0
	}
	return 1
}

// List returns the databases for a run record.
func (d *Databases) List() (list []record.Database) {
	for i := range d.list {
		list = append(list, d.list[i].Database)
	}
	return list
}

// Has reports whether the databases give one of some fields.
func (d *Databases) Has(f Fields) bool { return d.fields&f != 0 }

// openOne opens a file.
func openOne(ctx context.Context, r request) (db database, err error) {
	f, err := os.Open(r.path)
	if err != nil {
		return db, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return db, err
	}
	if info.IsDir() {
		return db, &FileError{Path: r.path, Err: errors.New("it is a folder: name the files in it")}
	}
	content, err := read(ctx, f, info)
	switch {
	case err != nil && ctx.Err() != nil:
		return db, fmt.Errorf("database %s: %w", r.path, context.Cause(ctx))
	case err != nil:
		return db, &FileError{Path: r.path, Err: err}
	}
	db = database{
		Database: record.Database{File: filepath.Base(r.path), Kind: content.kind, TimeS: content.time},
		path:     r.path, fields: content.fields & r.fields, finder: content.finder,
	}
	needs := r.fields
	if r.option == "IXP" { // the origins alone are too little
		needs = IXP
	}
	if db.fields&needs == 0 {
		return db, &KindError{Option: r.option, Path: r.path, Kind: content.kind}
	}
	if db.TimeS == 0 && info.Mode().IsRegular() {
		db.TimeS = info.ModTime().Unix()
	}
	db.Fields = db.fields.Names()
	return db, nil
}
