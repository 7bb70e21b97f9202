package auth_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redisentra/redisentra/auth"
)

var epoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func lives(life time.Duration) auth.Credentials {
	return auth.Credentials{Username: "u", Password: "p", IssuedAt: epoch, ExpiresAt: epoch.Add(life)}
}

func TestMarginIsFiveMinutesOrHalfTheLife(t *testing.T) {
	for _, c := range []struct{ want, life, margin time.Duration }{
		{0, 24 * time.Hour, 5*time.Minute - time.Second},
		{0, time.Hour, 5*time.Minute - time.Second},
		{0, 10 * time.Minute, 5*time.Minute - time.Second},
		{0, 299 * time.Second, 149500 * time.Millisecond},
		{0, 5 * time.Second, 2500 * time.Millisecond},
		{time.Minute, time.Hour, time.Minute},
		{2 * time.Hour, time.Hour, 30 * time.Minute},
	} {
		require.Equal(t, c.margin, auth.Margin(c.want, c.life), "%+v", c)
	}
}

func TestTheFirstQuestionFallsInTheFirstFifthOfTheMargin(t *testing.T) {
	for _, life := range []time.Duration{24 * time.Hour, time.Hour, 10 * time.Minute, 299 * time.Second, time.Minute, 5 * time.Second} {
		m := auth.Margin(0, life)
		require.Equal(t, epoch.Add(life-m), auth.FirstAsk(lives(life), time.Time{}, 0, 0), "%v", life)
		last := auth.FirstAsk(lives(life), time.Time{}, 0, 0.999999)
		require.WithinDuration(t, epoch.Add(life-m+m/5), last, time.Millisecond, "%v", life)
	}
}

func TestRefreshOnOnlyEverMakesTheQuestionEarlier(t *testing.T) {
	c := lives(24 * time.Hour)
	rule := auth.FirstAsk(c, time.Time{}, 0, 0)
	for _, refreshOn := range []struct {
		name string
		at   time.Time
		ask  time.Time
	}{
		{"half way", epoch.Add(12 * time.Hour), epoch.Add(12 * time.Hour)},
		{"after the rule", epoch.Add(24 * time.Hour), rule},
		{"already past when the token came", epoch.Add(-time.Hour), epoch.Add(6 * time.Hour)},
	} {
		require.Equal(t, refreshOn.ask, auth.FirstAsk(c, refreshOn.at, 0, 0), refreshOn.name)
	}
}

func TestAQuestionIsNeverDueAtOnce(t *testing.T) {
	for _, life := range []time.Duration{time.Nanosecond, time.Millisecond, time.Second, 5 * time.Second, time.Hour} {
		for _, refreshOn := range []time.Time{{}, epoch, epoch.Add(-time.Hour)} {
			ask := auth.FirstAsk(lives(life), refreshOn, 0, 0)
			require.GreaterOrEqual(t, ask.Sub(epoch), min(life/4, time.Second), "%v %v", life, refreshOn)
		}
	}
}

func TestWaitsAfterAQuestionThatBroughtNothing(t *testing.T) {
	const s, m = time.Second, time.Minute
	for _, c := range []struct {
		name                                  string
		outcome                               auth.Outcome
		backoff, remaining, life, asked, wait time.Duration
	}{
		{"a failure backs off", auth.OutcomeFailed, 4 * s, 4 * m, 60 * m, 0, 4 * s},
		{"to half the life at most", auth.OutcomeFailed, 30 * s, 2 * s, 5 * s, 0, 2500 * time.Millisecond},
		{"Retry-After is a floor", auth.OutcomeFailed, 4 * s, 4 * m, 60 * m, 20 * s, 20 * s},
		{"that does not lower", auth.OutcomeFailed, 30 * s, 4 * m, 60 * m, 20 * s, 30 * s},
		{"and has a bound", auth.OutcomeFailed, 4 * s, 0, 60 * m, 60 * m, 5 * m},
		{"which leaves time for another question", auth.OutcomeFailed, 4 * s, 4 * m, 60 * m, 60 * m, 2 * m},
		{"without a token there is no life", auth.OutcomeFailed, 30 * s, 0, 0, 0, 30 * s},
		{"nor after it", auth.OutcomeFailed, 30 * s, -s, 5 * s, 0, 30 * s},
		{"a rejection waits longer", auth.OutcomeRejected, 3 * m, 0, 60 * m, 0, 3 * m},
		{"but it may be mended while the token lives", auth.OutcomeRejected, 3 * m, 4 * m, 60 * m, 0, 1 * m},
		{"though not at any moment", auth.OutcomeRejected, 3 * m, 20 * s, 60 * m, 0, 10 * s},
		{"nothing waits less than the pace", auth.OutcomeFailed, 1, 1, 4, 0, 100 * time.Millisecond},
		{"the same token again waits for an eighth", auth.OutcomeUnchanged, 1 * s, 4 * m, 60 * m, 0, 30 * s},
		{"or the backoff", auth.OutcomeUnchanged, 8 * s, 16 * s, 60 * m, 0, 8 * s},
	} {
		require.Equal(t, c.wait, auth.RetryWait(c.outcome, c.backoff, c.remaining, c.life, c.asked), c.name)
	}
}

func TestConnectionsReauthenticateInAWindowOfTheirOwn(t *testing.T) {
	c := lives(time.Hour) // margin 299s, so the window is 239.2s to 185.38s before expiry
	require.WithinDuration(t, c.ExpiresAt.Add(-239200*time.Millisecond), auth.ReauthAt(c, epoch, 0), time.Millisecond)
	require.WithinDuration(t, c.ExpiresAt.Add(-185380*time.Millisecond), auth.ReauthAt(c, epoch, 0.999999), time.Millisecond)
	require.True(t, auth.Credentials{Password: "p"}.ReauthAt(epoch).IsZero(), "credentials that never expire")
}

func TestALateConnectionSpreadsOverWhatRemains(t *testing.T) {
	c := lives(time.Hour)
	for _, left := range []time.Duration{239 * time.Second, 200 * time.Second, time.Minute, 10 * time.Second} {
		now := c.ExpiresAt.Add(-left)
		most := min(left, 2*time.Minute)
		require.Equal(t, max(most/8, time.Second), auth.ReauthAt(c, now, 0).Sub(now), "%v left", left)
		require.InDelta(t, max(most/4, time.Second), auth.ReauthAt(c, now, 0.999999).Sub(now), float64(time.Millisecond), "%v left", left)
	}
}

func TestReauthenticationIsNeverDueAtOnce(t *testing.T) {
	for _, life := range []time.Duration{time.Millisecond, time.Second, 5 * time.Second, time.Hour} {
		c := lives(life)
		for left := -life; left < life; left += life / 97 {
			now := c.ExpiresAt.Add(-left)
			floor := max(min(time.Second, life/50), time.Millisecond)
			require.GreaterOrEqual(t, auth.ReauthAt(c, now, 0).Sub(now), floor, "%v of %v left", left, life)
		}
	}
}

func TestReauthenticationIsSpread(t *testing.T) {
	seen := map[time.Time]bool{}
	for range 1000 {
		seen[lives(time.Hour).ReauthAt(epoch)] = true
	}
	require.Greater(t, len(seen), 990)
}

func TestCredentialsOfUnknownAgeCountWhatRemains(t *testing.T) {
	c := lives(time.Hour)
	c.IssuedAt = time.Time{}
	now := c.ExpiresAt.Add(-100 * time.Second)
	at := auth.ReauthAt(c, now, 0) // margin 50s, window [40s, 30s] before expiry
	require.Equal(t, 60*time.Second, at.Sub(now))
}
