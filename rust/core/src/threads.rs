//! The work on the entities of a view, shared among threads.

use crate::pass::{Pass, Scratch};
use crate::shard::Shard;
use crate::view::{Entities, SHARDS, shard_of};

/// Steps with fewer accepted rows are not worth a second thread.
const THREAD_ROWS: usize = 2048;

/// Works on all entities of a view, by several threads when there is enough to do.
pub(crate) fn work(pass: &Pass<'_>, entities: &mut Entities, scratch: &mut [Scratch]) {
    let threads = scratch.len();
    if threads == 1 || pass.accepted.len() < THREAD_ROWS {
        let mut shards: Vec<Option<&mut Shard>> = entities.shards.iter_mut().map(Some).collect();
        return pass.run(&mut shards, &mut scratch[0]);
    }
    let mut parts: Vec<Vec<Option<&mut Shard>>> = (0..threads)
        .map(|_| (0..SHARDS).map(|_| None).collect())
        .collect();
    let mut loads = vec![0usize; threads];
    let mut weighed: Vec<(usize, usize)> = weights(pass).into_iter().zip(0..).collect();
    weighed.sort_unstable_by(|a, b| b.cmp(a));
    let mut shards: Vec<Option<&mut Shard>> = entities.shards.iter_mut().map(Some).collect();
    for (weight, number) in weighed {
        let least = (0..threads)
            .min_by_key(|&thread| loads[thread])
            .unwrap_or(0);
        loads[least] += weight;
        parts[least][number] = shards[number].take();
    }
    let results = std::thread::scope(|scope| {
        let mut running = Vec::with_capacity(threads);
        for (mut part, scratch) in parts.into_iter().zip(scratch) {
            running.push(scope.spawn(move || pass.run(&mut part, scratch)));
        }
        let joined = running.into_iter().map(std::thread::ScopedJoinHandle::join);
        joined.collect::<Vec<_>>()
    });
    for result in results {
        if let Err(panic) = result {
            std::panic::resume_unwind(panic);
        }
    }
}

/// How much there is to do in each shard.
fn weights(pass: &Pass<'_>) -> Vec<usize> {
    let mut weights = vec![0; SHARDS];
    for row in pass.accepted {
        let role = &pass.roles[row.stream as usize];
        for visit in &role.visits {
            if let Some(hash) = pass.keys(row, role, visit).hash(row.row as usize) {
                weights[shard_of(hash)] += 1;
            }
        }
    }
    weights
}
