package demo

import (
	"slices"

	tea "charm.land/bubbletea/v2"
)

// Model is the live picture: the newest scene, the terminal's size and what
// the keys did. It does nothing itself: Act does, in a command.
type Model struct {
	Scene Scene
	W, H  int
	Act   Act
	busy  bool // a command of a key is under way
	chose bool // a node was chosen, by the user or for them
}

// Act is what the keys can do to a node.
type Act struct {
	Kill, Start func(name string) error
}

type (
	// snapshotMsg is a new look at the testnet.
	snapshotMsg Snapshot
	// doneMsg is the result of a key.
	doneMsg struct{ err error }
)

// Init asks for nothing: what there is to draw is sent.
func (m Model) Init() tea.Cmd { return nil }

// Update takes one message in.
func (m Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.W, m.H = msg.Width, msg.Height
	case snapshotMsg:
		m.Scene = Compute(m.Scene, Snapshot(msg))
		m.suggest()
	case doneMsg:
		m.busy = false
		m.Scene.Note = "" // the picture shows it
		if msg.err != nil {
			m.Scene.Note = msg.err.Error()
		}
	case tea.KeyPressMsg:
		return m.key(msg.String())
	}
	return m, nil
}

func (m Model) key(key string) (tea.Model, tea.Cmd) {
	switch key {
	case "q", "ctrl+c":
		return m, tea.Quit
	case "left", "up":
		m.choose(-1)
	case "right", "down", "tab":
		m.choose(+1)
	case "k":
		return m.act("killing ", m.Act.Kill)
	case "s":
		return m.act("starting ", m.Act.Start)
	}
	return m, nil
}

// suggest chooses the node that carries most, once that is known: without it
// the throughput dips.
func (m *Model) suggest() {
	most := 0.0
	for _, n := range m.Scene.Plan.Nodes {
		if r := m.Scene.PartRate[n]; !m.chose && r.Bit > most {
			most, m.Scene.Selected = r.Bit, n
		}
	}
	m.chose = m.chose || most >= suggestBits
}

// choose moves the choice to the next node, or the one before.
func (m *Model) choose(step int) {
	nodes := m.Scene.Plan.Nodes
	if len(nodes) == 0 {
		return
	}
	m.chose = true
	i := slices.Index(nodes, m.Scene.Selected)
	m.Scene.Selected = nodes[(i+step+len(nodes))%len(nodes)]
	m.Scene.Note = ""
}

// act does something to the chosen node, one thing at a time.
func (m Model) act(doing string, f func(string) error) (tea.Model, tea.Cmd) {
	name := m.Scene.Selected
	if m.busy || name == "" || f == nil {
		return m, nil
	}
	m.busy = true
	m.Scene.Note = doing + name
	return m, func() tea.Msg {
		return doneMsg{f(name)}
	}
}

// View draws the scene.
func (m Model) View() tea.View {
	v := tea.NewView(Draw(m.Scene, m.W, m.H).Styled())
	v.AltScreen = true
	v.WindowTitle = "hyperplane demo"
	return v
}
