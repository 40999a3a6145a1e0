package masstrace_test

import (
	"bytes"
	"flag"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write api.txt anew")

// apiFile has the exported names of the package, with their declarations.
const apiFile = "api.txt"

// The exported names are those of api.txt: a change of them is a decision, and stands in a
// commit for all to see.
func TestAPI(t *testing.T) {
	got := api(t)
	if *update {
		if err := os.WriteFile(apiFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(apiFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("the API is not that of %s (-update writes it anew, after a look at the promise in doc.go):\n%s", apiFile, diff)
	}
}

// api returns the exported declarations of the package, one after another by name. An alias
// of a type of another package is followed by that type.
func api(t *testing.T) string {
	t.Helper()
	var list []string
	fset := token.NewFileSet()
	for _, file := range parsed(t, fset, ".") {
		for _, decl := range file.Decls {
			list = append(list, exported(t, fset, file, decl)...)
		}
	}
	slices.Sort(list)
	return strings.Join(list, "\n") + "\n"
}

// parsed returns the files of a folder, tests apart.
func parsed(t *testing.T, fset *token.FileSet, dir string) (files []*ast.File) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// exported returns the exported names of a declaration.
func exported(t *testing.T, fset *token.FileSet, file *ast.File, decl ast.Decl) (list []string) {
	t.Helper()
	if !ast.FileExports(&ast.File{Name: file.Name, Decls: []ast.Decl{decl}}) {
		return nil
	}
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv != nil && !ast.IsExported(receiver(d.Recv.List[0].Type)) {
			return nil
		}
		return append(list, text(t, fset, &ast.FuncDecl{Recv: d.Recv, Name: d.Name, Type: d.Type}))
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				list = append(list, "type "+text(t, fset, s))
				if other, ok := s.Type.(*ast.SelectorExpr); ok && s.Assign.IsValid() {
					list = append(list, aliased(t, file, s.Name.Name, other)...)
				}
			case *ast.ValueSpec:
				list = append(list, d.Tok.String()+" "+text(t, fset, s))
			}
		}
	}
	return list
}

// receiver returns the name of the type of a method.
func receiver(kind ast.Expr) string {
	if pointer, ok := kind.(*ast.StarExpr); ok {
		kind = pointer.X
	}
	return kind.(*ast.Ident).Name
}

// aliased returns the type that an alias stands for, and its methods.
func aliased(t *testing.T, file *ast.File, name string, of *ast.SelectorExpr) (list []string) {
	t.Helper()
	pkg := of.X.(*ast.Ident).Name
	for _, i := range file.Imports {
		path, _ := strconv.Unquote(i.Path.Value)
		dir, ours := strings.CutPrefix(path, "github.com/masstrace/masstrace/")
		if !ours || filepath.Base(dir) != pkg {
			continue
		}
		fset := token.NewFileSet()
		for _, f := range parsed(t, fset, dir) {
			for _, decl := range f.Decls {
				for _, line := range exported(t, fset, f, decl) {
					if strings.HasPrefix(line, "type "+of.Sel.Name+" ") || strings.Contains(line, "*"+of.Sel.Name+") ") {
						list = append(list, name+" is "+line)
					}
				}
			}
		}
	}
	return list
}

// text prints a node without comments.
func text(t *testing.T, fset *token.FileSet, node any) string {
	t.Helper()
	var b bytes.Buffer
	if err := printer.Fprint(&b, fset, node); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
