// Package measure measures what the refresh of tokens costs: our packages and what users would take instead, in the
// same run and in turns, against a real redis-server behind the gateway that enforces expiry.
package measure

import "time"

// Results are what one run has measured. Durations are in nanoseconds.
type Results struct {
	Begun   time.Time     `json:"begun"`
	Took    time.Duration `json:"took"`
	Machine Machine       `json:"machine"`

	Steady      []Steady         `json:"steady"`
	Rotation    []Rotation       `json:"rotation"`
	Refresh     []Refresh        `json:"refresh"`
	Connections []ConnectionCost `json:"connections"`
	Fleet       []Fleet          `json:"fleet"`
	Nodes       []Nodes          `json:"nodes"`
}

// Machine is where a run took place, by what matters to others: no names.
type Machine struct {
	Cores   int               `json:"cores"`
	CPU     string            `json:"cpu"`
	OS      string            `json:"os"`
	Go      string            `json:"go"`
	Redis   string            `json:"redis"`
	Commit  string            `json:"commit"`  // of redisentra; with "+" if there were changes
	Modules map[string]string `json:"modules"` // versions of what is compared, by module path
}

// Percentiles are of latencies.
type Percentiles struct {
	P50  time.Duration `json:"p50"`
	P99  time.Duration `json:"p99"`
	P999 time.Duration `json:"p999"`
	Max  time.Duration `json:"max"`
	N    int           `json:"n"`
}

// Steady is one contender under one load, while no token is near its end.
type Steady struct {
	Contender   string      `json:"contender"`
	TLS         bool        `json:"tls"`
	Goroutines  int         `json:"goroutines"`
	ValueBytes  int         `json:"valueBytes"`
	PerSecond   []float64   `json:"perSecond"` // commands, in each turn
	Ratios      []float64   `json:"ratios"`    // of each turn to the static rueidis client's of the same round: above 1 is faster
	Block       int         `json:"block"`     // how many turns one after the other were those of the same client
	Latency     Percentiles `json:"latency"`
	AllocsPerOp float64     `json:"allocsPerOp"`
}

// Rotation is one contender under mixed load over several lives of a token.
type Rotation struct {
	Contender      string          `json:"contender"`
	TLS            bool            `json:"tls"`
	Life           time.Duration   `json:"life"`
	Expiries       []time.Duration `json:"expiries"` // since the load began
	Kinds          []Kind          `json:"kinds"`
	Opened         int             `json:"opened"` // connections, after the warm-up
	ClosedOnExpiry int             `json:"closedOnExpiry"`
	MessagesLost   int             `json:"messagesLost"`
	Inside         Percentiles     `json:"inside"`  // of commands within rotation windows
	Outside        Percentiles     `json:"outside"` // of the others
	// InsideOutside are the 99th percentiles of commands within rotation windows by those of the others, of each stretch of the load
	// that has a thousand of both, which is about a life of a token.
	InsideOutside []float64 `json:"insideOutside"`
	Timeline      []Moment  `json:"timeline"`
}

// Kind is one kind of load.
type Kind struct {
	Name     string `json:"name"` // "multiplexed", "dedicated", "blocking", "pub/sub"
	Commands int    `json:"commands"`
	Failed   int    `json:"failed"`
	Error    string `json:"error,omitempty"` // the first one
}

// Moment is the latency in a short time of a [Rotation].
type Moment struct {
	At     time.Duration `json:"at"` // since the load began
	P50    time.Duration `json:"p50"`
	Max    time.Duration `json:"max"`
	Failed int           `json:"failed"`
}

// Refresh is how long it takes until all connections use a new token.
type Refresh struct {
	Contender   string        `json:"contender"`
	Connections int           `json:"connections"`
	Life        time.Duration `json:"life"`
	LastUse     time.Duration `json:"lastUse"` // from the moment when Entra issued it; median over rotations
	Spread      time.Duration `json:"spread"`  // from the first to the last AUTH
	Auth        Percentiles   `json:"auth"`    // round trips, of contenders whose client lets somebody know
	// Reached is how many of the connections sent an AUTH with a token before there was the next one; median over rotations.
	Reached        int `json:"reached"`
	ClosedOnExpiry int `json:"closedOnExpiry"` // connections
}

// ConnectionCost is what a connection costs that does nothing.
type ConnectionCost struct {
	Contender   string  `json:"contender"`
	Connections int     `json:"connections"`
	Socket      bool    `json:"socket"`     // else in memory
	Floor       float64 `json:"floor"`      // bytes of heap and stacks of the same connection without the contender
	Bytes       float64 `json:"bytes"`      // of heap and stacks on top of that, for each
	Goroutines  float64 `json:"goroutines"` // on top, for each
	Timers      float64 `json:"timers"`     // on top, for each
}

// Fleet is the load of AUTHs that many simulated processes put on one server.
type Fleet struct {
	Spread    bool          `json:"spread"`   // by us; else each connection at the same distance from expiry
	Together  bool          `json:"together"` // the processes started at the same moment; else at any time
	Processes int           `json:"processes"`
	Each      int           `json:"each"` // connections of a process
	Life      time.Duration `json:"life"`
	Bucket    time.Duration `json:"bucket"`
	Window    time.Duration `json:"window"` // that the AUTHs would fill if they were spread evenly
	Auths     []int         `json:"auths"`  // in each bucket of a life; together, the last one ends at expiry
}

// Nodes is the cost by the number of a cluster's nodes.
type Nodes struct {
	Nodes       int       `json:"nodes"`
	Connections int       `json:"connections"`
	Auths       float64   `json:"auths"`  // for each life of a token
	Ratios      []float64 `json:"ratios"` // of each round: throughput to a static rueidis client's
}
