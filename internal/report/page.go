package report

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed web
var web embed.FS

// Mode is how a page gets its data.
type Mode int

// The modes.
const (
	File    Mode = iota // the data is in the page
	Live                // the page asks its server for the data, again and again
	Changes             // the data is in the page, and is that of a comparison
)

// Parts of the page, in order. The libraries are built files as their makers publish them.
var (
	styles  = []string{"lib/uplot.css", "page.css"}
	scripts = []string{
		"lib/uplot.js", "lib/graphology.js", "lib/sigma.js",
		"data.js", "dom.js", "selection.js", "verdicts.js", "overview.js", "charts.js", "topology.js", "tables.js", "picture.js", "paths.js", "export.js", "changes.js", "events.js", "main.js",
	}
	licences = []struct{ name, file string }{
		{"uPlot 1.6.32", "lib/uplot.LICENSE"}, {"sigma 3.0.3", "lib/sigma.LICENSE"}, {"graphology 0.26.0", "lib/graphology.LICENSE"},
	}
)

// Page returns the page with data of encode. A policy in the page lets a browser run our scripts
// alone, which it names by their hashes, and load nothing.
func Page(data []byte, mode Mode) ([]byte, error) {
	frame, err := fs.ReadFile(web, "web/page.html")
	if err != nil {
		return nil, err
	}
	sections := "web/report.html"
	if mode == Changes {
		sections = "web/changes.html"
	}
	body, err := fs.ReadFile(web, sections)
	if err != nil {
		return nil, err
	}
	script, err := join(scripts)
	if err != nil {
		return nil, err
	}
	style, err := join(styles)
	if err != nil {
		return nil, err
	}
	var texts strings.Builder
	for _, l := range licences {
		text, err := fs.ReadFile(web, "web/"+l.file)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&texts, "%s\n\n%s\n\n", l.name, escape(string(text)))
	}
	packed := ""
	connect := "'self'"
	if mode != Live {
		connect = "'none'"
		if packed, err = pack(data); err != nil {
			return nil, err
		}
	}
	sum := sha256.Sum256([]byte(script))
	policy := fmt.Sprintf("default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; connect-src %s; script-src 'sha256-%s'; base-uri 'none'; form-action 'none'",
		connect, base64.StdEncoding.EncodeToString(sum[:]))
	return replace(frame, map[string]string{
		"policy": policy, "style": style, "script": script, "licences": texts.String(), "data": packed, "body": string(body),
	}), nil
}

// join returns some files of web, one after the other.
func join(names []string) (string, error) {
	var b strings.Builder
	for _, name := range names {
		text, err := fs.ReadFile(web, "web/"+name)
		if err != nil {
			return "", err
		}
		b.Write(bytes.TrimSpace(text))
		b.WriteByte('\n')
	}
	return b.String(), nil
}

// pack returns data compressed, and as text (RFC 4648 §4).
func pack(data []byte) (string, error) {
	zipped, err := zip(data)
	return base64.StdEncoding.EncodeToString(zipped), err
}

// zip returns data as a gzip file.
func zip(data []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// replace replaces {{name}} in frame, once for each name.
func replace(frame []byte, parts map[string]string) []byte {
	var b bytes.Buffer
	for {
		before, rest, ok := bytes.Cut(frame, []byte("{{"))
		b.Write(before)
		if !ok {
			return b.Bytes()
		}
		name, after, _ := bytes.Cut(rest, []byte("}}"))
		b.WriteString(parts[string(name)])
		frame = after
	}
}

// escape returns text for the inside of an element.
func escape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}
