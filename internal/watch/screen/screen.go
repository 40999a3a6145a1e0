// Package screen shows watched paths on a terminal, by package bubbletea. When Run returns, for any
// reason, the terminal is as before.
package screen

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/masstrace/masstrace/internal/watch/board"
	"github.com/masstrace/masstrace/internal/watch/table"
)

// Source is a watch, or the replay of one. Its methods may be called from any
// goroutine. The board of View must neither be changed nor kept.
type Source interface {
	View(f func(b *board.Board))
	Pause(stop bool)
	Reset()
}

// Config is the configuration of a screen.
type Config struct {
	Source  Source
	Look    table.Look
	Columns []table.Column
	// Title describes the probes: method, interval and the like.
	Title string
	// Ended, unless it is nil, is closed when no more samples will come. EndText is then the
	// reason.
	Ended   <-chan struct{}
	EndText func() string

	In      io.Reader
	Out     io.Writer
	Environ []string
	// Clock returns the time for the screen; nil is the wall clock.
	Clock func() time.Time
}

// OpenKeys opens the keyboard of the terminal that controls the process, for Config.In.
func OpenKeys() (*os.File, error) {
	in, out, err := tea.OpenTTY()
	if err == nil && out != in {
		_ = out.Close() // nothing was written
	}
	return in, err
}

// refresh is the time between two pictures.
const refresh = 400 * time.Millisecond

// Run shows the screen until the user quits or ctx ends. Both are no error.
func Run(ctx context.Context, c Config) error {
	p := tea.NewProgram(newModel(c), tea.WithInput(c.In), tea.WithOutput(c.Out), tea.WithEnvironment(c.Environ),
		tea.WithoutSignalHandler(), tea.WithFPS(10))
	defer context.AfterFunc(ctx, p.Quit)()
	_, err := p.Run()
	if errors.Is(err, tea.ErrInterrupted) {
		return nil
	}
	return err
}

// model is the state of the screen.
type model struct {
	cfg           Config
	width, height int
	theme         theme
	tab           int // target
	row           int // that is selected
	top           int // first row that is shown
	sort          string
	flow          int // -1 is all flows
	paused        bool
	ended         bool
	numeric       bool
	page          page
	wide          bool // the history takes most of the width
	single        bool // one target alone, even if there is room for several
	scroll        int  // of pages
	rows          int  // of the target, in the last picture
	targets       int
	flows         int
}

// page is a page of the screen.
type page int

const (
	pageTable page = iota
	pageHelp
	pageDetails
	pageChanges
)

func newModel(c Config) *model {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	m := &model{cfg: c, width: 80, height: 24, flow: -1, theme: newTheme(true)}
	c.Source.View(func(b *board.Board) { m.targets, m.flows = len(b.Targets), len(b.Targets[0].Flows) })
	return m
}

type tickMsg struct{}

type endedMsg struct{}

// tick waits for the next picture. Several targets side by side take longer to draw, and are drawn half as
// often.
func (m *model) tick() tea.Cmd {
	wait := refresh
	if m.panes() > 1 {
		wait = 2 * refresh
	}
	return tea.Tick(wait, func(time.Time) tea.Msg { return tickMsg{} })
}

// Init implements tea.Model.
func (m *model) Init() tea.Cmd {
	commands := []tea.Cmd{m.tick(), tea.RequestBackgroundColor}
	if m.cfg.Ended != nil {
		commands = append(commands, func() tea.Msg { <-m.cfg.Ended; return endedMsg{} })
	}
	return tea.Batch(commands...)
}

// Update implements tea.Model.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tickMsg:
		return m, m.tick()
	case endedMsg:
		m.ended = true
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.BackgroundColorMsg:
		m.theme = newTheme(msg.IsDark())
	case tea.KeyPressMsg:
		return m, m.key(msg.String())
	}
	return m, nil
}

// View implements tea.Model.
func (m *model) View() tea.View {
	v := tea.NewView("")
	v.AltScreen, v.WindowTitle = true, "masstrace watch"
	m.cfg.Source.View(func(b *board.Board) { v.Content = m.draw(b) })
	return v
}
