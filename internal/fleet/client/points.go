package client

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/ledger"
	"github.com/masstrace/masstrace/internal/fleet/talk"
	"github.com/masstrace/masstrace/internal/outfile"
)

// Point describes a vantage point in the results of a job, as a line of vantage_points.json.
type Point struct {
	Run      string `json:"run"` // the job
	Name     string `json:"vantage_point"`
	Location string `json:"location"`
	AS       string `json:"autonomous_system"`
	Software string `json:"software"`
	Hostname string `json:"hostname"`

	Slices   uint64 `json:"slices"`
	Targets  uint64 `json:"targets"`
	Sent     uint64 `json:"sent"`
	Answered uint64 `json:"answered"`
	// Began is when its first slice began, by the clock of the hub.
	Began time.Time `json:"began"`
	// OffsetNS is its clock minus that of the hub, by the slice with the smallest error. The error
	// is at most ErrorNS, which is 0 if nothing was measured.
	OffsetNS int64 `json:"clock_offset_ns"`
	ErrorNS  int64 `json:"clock_error_ns"`
	// LowNS and HighNS are the lowest and highest offset of its slices.
	LowNS  int64 `json:"clock_offset_low_ns"`
	HighNS int64 `json:"clock_offset_high_ns"`
}

// Points returns the vantage points that did slices of the job, by name.
func (s *Segments) Points() []Point {
	points := map[string]*Point{}
	for _, e := range s.Job.Entries {
		p := points[e.By]
		if p == nil {
			p = s.point(&e)
			points[e.By] = p
		}
		p.add(&e)
	}
	var list []Point
	for _, p := range points {
		list = append(list, *p)
	}
	slices.SortFunc(list, func(a, b Point) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// point returns the vantage point of an entry, without counts. An agent that was revoked since has
// no description.
func (s *Segments) point(e *ledger.Entry) *Point {
	p := &Point{Run: s.Job.Job.ID, Name: e.By, Began: time.Unix(0, e.BeganNS).UTC(), LowNS: e.OffsetNS, HighNS: e.OffsetNS}
	if i := slices.IndexFunc(s.Job.Agents, func(a talk.AgentState) bool { return a.Name == e.By }); i >= 0 {
		a := s.Job.Agents[i]
		p.Location, p.AS, p.Software, p.Hostname = a.Location, a.AS, a.Software, a.Hostname
	}
	return p
}

// add counts a slice.
func (p *Point) add(e *ledger.Entry) {
	p.Slices++
	p.Targets += e.Targets
	p.Sent += e.Sent
	p.Answered += e.Answered
	if began := time.Unix(0, e.BeganNS).UTC(); began.Before(p.Began) {
		p.Began = began
	}
	if e.ErrorNS == 0 {
		return
	}
	if p.ErrorNS == 0 {
		p.LowNS, p.HighNS = e.OffsetNS, e.OffsetNS
	}
	if p.ErrorNS == 0 || e.ErrorNS < p.ErrorNS {
		p.OffsetNS, p.ErrorNS = e.OffsetNS, e.ErrorNS
	}
	p.LowNS, p.HighNS = min(p.LowNS, e.OffsetNS), max(p.HighNS, e.OffsetNS)
}

// writePoints writes the vantage points, one a line.
func (s *Segments) writePoints(path string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	for _, p := range s.Points() {
		if err := e.Encode(&p); err != nil {
			return err
		}
	}
	return outfile.WriteNew(path, 0o644, b.Bytes())
}
