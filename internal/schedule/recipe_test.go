package schedule

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"strings"
	"testing"
)

// The code in docs/strategies.md is that of this package: the interface of strategy.go, and the
// example of example_test.go, which TestAdaptive runs. Comments may differ.
func TestRecipe(t *testing.T) {
	page, err := os.ReadFile("../../docs/strategies.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, part := range strings.Split(string(page), "```go\n")[1:] {
		code, _, _ := strings.Cut(part, "```")
		blocks = append(blocks, "package schedule\n"+strings.TrimPrefix(code, "package schedule\n"))
	}
	for _, tt := range []struct{ file, name string }{
		{"strategy.go", "Strategy"},
		{"example_test.go", "LastHop"},
	} {
		source, err := os.ReadFile(tt.file)
		if err != nil {
			t.Fatal(err)
		}
		want, found := declarations(t, string(source), tt.name), false
		for _, code := range blocks {
			got := declarations(t, code, tt.name)
			found = found || got == want
			if got != "" && got != want {
				t.Errorf("docs/strategies.md has\n%s\nand %s has\n%s", got, tt.file, want)
			}
		}
		if !found || want == "" {
			t.Errorf("docs/strategies.md does not show %s of %s", tt.name, tt.file)
		}
	}
}

// declarations returns the code of a type and of its methods, without comments.
func declarations(t *testing.T, source, name string) string {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "", source, 0)
	if err != nil {
		t.Fatalf("%v in\n%s", err, source)
	}
	var out bytes.Buffer
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.GenDecl:
			if spec, ok := d.Specs[0].(*ast.TypeSpec); !ok || spec.Name.Name != name {
				continue
			}
		case *ast.FuncDecl:
			if d.Recv == nil || receiverName(d.Recv.List[0].Type) != name {
				continue
			}
		}
		if err := printer.Fprint(&out, token.NewFileSet(), d); err != nil {
			t.Fatal(err)
		}
		out.WriteByte('\n')
	}
	return out.String()
}

// receiverName returns the name of a receiver's type.
func receiverName(e ast.Expr) string {
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}
