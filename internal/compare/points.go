package compare

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/probe"
)

// point is a vantage point: an agent of a fleet by its name, else a source address.
type point struct {
	agent  string
	source probe.Addr
}

// String returns the name or the address.
func (p point) String() string { return cmp.Or(p.agent, p.source.String()) }

// points numbers the vantage points of both scans.
type points struct {
	numbers map[point]uint16
	list    []point
}

func newPoints() *points { return &points{numbers: map[point]uint16{}} }

// of returns the number of a vantage point. All beyond the largest number have that.
func (p *points) of(agent string, source probe.Addr) uint16 {
	key := point{agent: agent}
	if agent == "" {
		key.source = source
	}
	n, ok := p.numbers[key]
	if !ok && len(p.list) <= math.MaxUint16 {
		n = uint16(len(p.list))
		p.numbers[key], p.list = n, append(p.list, key)
	} else if !ok {
		n = math.MaxUint16
	}
	return n
}

// several reports whether a scan has several vantage points. Several source addresses are those of
// one machine, unless one target has two of them. The paths are sorted.
func (s *scan) several() bool {
	first := -1 // the first named one
	for i := range s.paths {
		at := s.paths[i].point
		if i > 0 && s.paths[i-1].target == s.paths[i].target && s.paths[i-1].point != at {
			return true
		}
		if s.points.list[at].agent == "" {
			continue
		}
		if first >= 0 && int(at) != first {
			return true
		}
		first = int(at)
	}
	return false
}

// split returns the paths of each vantage point, by its number.
func (s *scan) split() map[uint16][]path {
	all := map[uint16][]path{}
	for _, p := range s.paths {
		all[p.point] = append(all[p.point], p)
	}
	return all
}

// Results are the results of a comparison: one, or one for each vantage point of both scans.
type Results struct {
	List []*Result
	// OnlyOld and OnlyNew are the vantage points of one scan alone: their traces are left out.
	OnlyOld, OnlyNew []string
}

// results compares the scans, each vantage point with itself. The paths of other vantage points to
// the same target differ without a change. files name the scans in errors.
func (b *Builder) results(files [2]string) (*Results, error) {
	var own [2]map[uint16][]path
	several := false
	for i := range b.scans {
		b.scans[i].sort()
		several = several || b.scans[i].several()
	}
	if !several {
		return &Results{List: []*Result{b.Result()}}, nil
	}
	for i := range b.scans {
		own[i] = b.scans[i].split()
	}
	r := &Results{}
	for n, at := range b.scans[0].points.list {
		old, fresh := own[0][uint16(n)], own[1][uint16(n)]
		switch {
		case len(old) == 0:
			r.OnlyNew = append(r.OnlyNew, at.String())
		case len(fresh) == 0:
			r.OnlyOld = append(r.OnlyOld, at.String())
		default:
			one := *b
			one.scans[0].paths, one.scans[1].paths = old, fresh
			result := one.Result()
			result.Point = at.String()
			r.List = append(r.List, result)
		}
	}
	slices.SortFunc(r.List, func(a, b *Result) int { return cmp.Compare(a.Point, b.Point) })
	slices.Sort(r.OnlyOld)
	slices.Sort(r.OnlyNew)
	if len(r.List) == 0 {
		return nil, &outfile.RefusedError{Name: "Inputs", Err: fmt.Errorf("no vantage point is in both results: %s has %s, and %s has %s; compare results of the same vantage points",
			files[0], few(r.OnlyOld), files[1], few(r.OnlyNew))}
	}
	return r, nil
}

// few returns the first names of a list as text.
func few(names []string) string {
	const most = 5
	switch {
	case len(names) == 0:
		return "no traces"
	case len(names) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// Changed reports whether anything changed at a vantage point.
func (r *Results) Changed() bool { return slices.ContainsFunc(r.List, (*Result).Changed) }

// byPoint reports whether there is a result for each vantage point.
func (r *Results) byPoint() bool { return r.List[0].Point != "" }

// JSON writes one result as an object, or an object with all. Their fields are in docs/compare.md.
func (r *Results) JSON(w io.Writer) error {
	if !r.byPoint() {
		return encode(w, r.List[0].whole())
	}
	all := struct {
		Points  []*Result `json:"vantage_points"`
		OnlyOld []string  `json:"only_old_vantage_points"`
		OnlyNew []string  `json:"only_new_vantage_points"`
	}{OnlyOld: listed(r.OnlyOld), OnlyNew: listed(r.OnlyNew)}
	for _, one := range r.List {
		all.Points = append(all.Points, one.whole())
	}
	return encode(w, all)
}

// encode writes a value as JSON for programs and for people.
func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// Text writes the results for people.
func (r *Results) Text(w io.Writer) error {
	if !r.byPoint() {
		return r.List[0].Text(w)
	}
	for i, one := range r.List {
		between := ""
		if i > 0 {
			between = "\n"
		}
		if _, err := fmt.Fprintf(w, "%svantage point %s\n", between, one.Point); err != nil {
			return err
		}
		if err := one.Text(w); err != nil {
			return err
		}
	}
	for _, side := range []struct {
		name   string
		points []string
	}{{"old", r.OnlyOld}, {"new", r.OnlyNew}} {
		if len(side.points) == 0 {
			continue
		}
		if _, err := fmt.Fprintf(w, "\nvantage points of the %s scan alone, left out: %s\n", side.name, few(side.points)); err != nil {
			return err
		}
	}
	return nil
}
