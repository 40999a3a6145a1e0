package figure

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Format is a format of figures.
type Format struct {
	Name  string
	Write func(*Figure, *Counts, io.Writer) error
}

// Formats are the formats of figures. The names are also the endings of files.
var Formats = []Format{{"svg", (*Figure).SVG}, {"csv", (*Figure).CSV}}

// ErrEmpty means that no trace has data for the figure.
var ErrEmpty = errors.New("no trace has data for this figure")

const (
	figureWidth  = 16 * vg.Centimeter
	figureHeight = 10 * vg.Centimeter
)

// SVG draws the figure.
func (f *Figure) SVG(c *Counts, w io.Writer) error {
	rows := f.rows(c)
	if len(rows) == 0 {
		return ErrEmpty
	}
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = f.X, f.Y
	p.Y.Min = 0
	if f.X == "TTL" || f.bars {
		p.X.Tick.Marker = wholes{}
	}
	p.Add(plotter.NewGrid())
	var err error
	switch {
	case f.bars:
		err = addBars(p, rows)
	case len(f.columns) == 4:
		err = addBand(p, rows)
	default:
		err = addLine(p, rows, 1)
	}
	if err != nil {
		return fmt.Errorf("draw figure: %w", err)
	}
	p.Y.Max *= headroom
	p.Y.Tick.Marker, p.Y.Tick.Label.XAlign = plain{}, draw.XRight-labelGap
	canvas := vgsvg.New(figureWidth, figureHeight)
	p.Draw(draw.Crop(draw.New(canvas), margin, -margin, margin, -margin))
	out := bufio.NewWriter(w)
	if _, err := canvas.WriteTo(out); err != nil {
		return err
	}
	return out.Flush()
}

// Space around the figure, above its highest value, and between an axis and its labels: without it,
// the labels and lines at the edges are cut.
const (
	margin   = 4 * vg.Millimeter
	headroom = 1.05
	labelGap = 0.15
)

// plain marks values as DefaultTicks does, and writes them without needless decimals.
type plain struct{}

// Ticks implements plot.Ticker.
func (plain) Ticks(low, high float64) []plot.Tick {
	ticks := plot.DefaultTicks{}.Ticks(low, high)
	for i := range ticks {
		if ticks[i].Label != "" {
			ticks[i].Label = strconv.FormatFloat(ticks[i].Value, 'g', 10, 64)
		}
	}
	return ticks
}

// wholes marks every fifth whole number.
type wholes struct{}

// Ticks implements plot.Ticker.
func (wholes) Ticks(low, high float64) (ticks []plot.Tick) {
	for n := math.Ceil(low); n <= high; n++ {
		t := plot.Tick{Value: n}
		if math.Mod(n, 5) == 0 || high-low < 10 {
			t.Label = strconv.Itoa(int(n))
		}
		ticks = append(ticks, t)
	}
	return ticks
}

func points(rows [][]float64, column int) plotter.XYs {
	xys := make(plotter.XYs, len(rows))
	for i, row := range rows {
		xys[i].X, xys[i].Y = row[0], row[column]
	}
	return xys
}

func addLine(p *plot.Plot, rows [][]float64, column int) error {
	line, err := plotter.NewLine(points(rows, column))
	if err != nil {
		return err
	}
	line.Color, line.Width = ink, vg.Points(1.5)
	p.Add(line)
	return nil
}

// addBand adds the area between the first and the last column, and the line of the middle one.
func addBand(p *plot.Plot, rows [][]float64) error {
	edge := points(rows, 1)
	for i := len(rows) - 1; i >= 0; i-- {
		edge = append(edge, plotter.XY{X: rows[i][0], Y: rows[i][3]})
	}
	band, err := plotter.NewPolygon(edge)
	if err != nil {
		return err
	}
	band.Color, band.LineStyle.Width = shade, 0
	p.Add(band)
	return addLine(p, rows, 2)
}

func addBars(p *plot.Plot, rows [][]float64) error {
	width := 0.4
	for _, row := range rows {
		bar, err := plotter.NewPolygon(plotter.XYs{{X: row[0] - width, Y: 0}, {X: row[0] - width, Y: row[1]},
			{X: row[0] + width, Y: row[1]}, {X: row[0] + width, Y: 0}})
		if err != nil {
			return err
		}
		bar.Color, bar.LineStyle.Width = ink, 0
		p.Add(bar)
	}
	return nil
}

// CSV writes the numbers of the figure, with a line of column names.
func (f *Figure) CSV(c *Counts, w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, strings.Join(f.columns, ","))
	for _, row := range f.rows(c) {
		for i, v := range row {
			if i > 0 {
				fmt.Fprint(out, ",")
			}
			fmt.Fprint(out, number(v))
		}
		fmt.Fprintln(out)
	}
	return out.Flush()
}

// number returns a count with all its digits, and another number with six.
func number(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', 6, 64)
}
