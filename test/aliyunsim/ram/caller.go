package ram

import "time"

// Caller is who signed a request.
type Caller struct {
	KeyID, Secret string
	// Account is the owner of the key, ARN the caller's name.
	Account, ARN string
	// ID is the PrincipalId that GetCallerIdentity tells; Type is Account,
	// RAMUser or AssumedRoleUser.
	ID, Type string
	Inactive bool
	// Token is the security token that must come with the key; empty for a
	// long-lived key. Expires is when it stops.
	Token   string
	Expires time.Time

	// layers must all allow an action; an empty layer allows everything.
	layers [][]Policy
}

// Caller returns whom an access key id belongs to, or false when it is unknown.
func (s *Store) Caller(keyID string) (Caller, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if k, ok := s.keys[keyID]; ok {
		c := Caller{
			KeyID: k.ID, Secret: k.Secret, Account: s.account, Inactive: k.Inactive,
			ARN: "acs:ram::" + s.account + ":root", ID: s.account, Type: "Account",
			layers: [][]Policy{k.Policies},
		}
		if k.User != "" {
			c.ARN, c.ID, c.Type = "acs:ram::"+s.account+":user/"+k.User, "2"+s.account, "RAMUser"
		}
		return c, true
	}
	v, ok := s.sessions[keyID]
	if !ok {
		return Caller{}, false
	}
	c := Caller{
		KeyID: v.KeyID, Secret: v.Secret, Account: s.account, Token: v.Token, Expires: v.Expires,
		ARN: "acs:ram::" + s.account + ":assumed-role/" + v.Role + "/" + v.Name,
		ID:  "3" + s.account + ":" + v.Name, Type: "AssumedRoleUser",
		layers: [][]Policy{s.roles[v.Role].Policies},
	}
	if v.Limit != nil {
		c.layers = append(c.layers, []Policy{*v.Limit})
	}
	return c, true
}

// KnowsToken says whether a security token was issued, to whomever.
func (s *Store) KnowsToken(token string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, v := range s.sessions {
		if v.Token == token {
			return true
		}
	}
	return false
}

// May says whether the caller may do an action such as "ecs:DescribeInstances".
func (c Caller) May(action string) Verdict {
	for _, layer := range c.layers {
		if len(layer) == 0 {
			continue
		}
		if v := Evaluate(layer, action); v != Allow {
			return v
		}
	}
	return Allow
}
