package balance

import "github.com/kube-aliyun/kube-aliyun/test/aliyunsim/network"

// longestRound bounds the turns of a round; with weights that take more, backends
// are drawn by lot.
const longestRound = 1024

// weights are the backends' as the scheduler takes them: round robin treats all
// alike that have any.
func weights(scheduler network.Scheduler, backends []network.Backend) []int {
	of := make([]int, len(backends))
	for i, backend := range backends {
		of[i] = backend.Weight
		if scheduler == network.RoundRobin {
			of[i] = min(backend.Weight, 1)
		}
	}
	return of
}

// round is the order of turns in which each backend has as many as its weight
// says, spread evenly: at each turn all gain their weight, and who has most pays
// the sum. It is nil where the round is too long.
func round(weights []int) []int {
	divisor, sum := 0, 0
	for _, weight := range weights {
		divisor = gcd(divisor, weight)
		sum += weight
	}
	if sum == 0 || sum/divisor > longestRound {
		return nil
	}
	turns := make([]int, 0, sum/divisor)
	credit := make([]int, len(weights))
	for range sum / divisor {
		most := 0
		for i, weight := range weights {
			credit[i] += weight
			if credit[i] > credit[most] {
				most = i
			}
		}
		credit[most] -= sum
		turns = append(turns, most)
	}
	return turns
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
