//! The work on the entities of a view, shared among threads.

use crate::pass::{Pass, Scratch};
use crate::shard::Shard;
use crate::view::{Entities, SHARDS, shard_of};

/// Steps with fewer accepted rows are not worth a second thread.
pub(crate) const THREAD_ROWS: usize = 2048;

/// Works on all entities of a view, by several threads when there is enough to do.
pub(crate) fn work(pass: &Pass<'_>, entities: &mut Entities, scratch: &mut [Scratch]) {
    let threads = scratch.len();
    if threads == 1 || pass.accepted.len() < THREAD_ROWS {
        let mut shards = entities.shards.iter_mut();
        let mut shards: [Option<&mut Shard>; SHARDS] = std::array::from_fn(|_| shards.next());
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
    std::thread::scope(|scope| {
        let mut parts = parts.into_iter().zip(scratch);
        let own = parts.next();
        let others =
            parts.map(|(mut part, scratch)| scope.spawn(move || pass.run(&mut part, scratch)));
        let others: Vec<_> = others.collect();
        if let Some((mut part, scratch)) = own {
            pass.run(&mut part, scratch);
        }
        for other in others {
            if let Err(panic) = other.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}

/// What several threads make, each told its number; a panic of one goes on.
pub(crate) fn shared<T: Send>(threads: usize, make: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let make = &make;
    std::thread::scope(|scope| {
        let others = (1..threads).map(|nth| scope.spawn(move || make(nth)));
        let others: Vec<_> = others.collect();
        let own = make(0);
        let joined = others.into_iter().map(|other| {
            let own = other.join();
            own.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        std::iter::once(own).chain(joined).collect()
    })
}

/// One row of so many is asked which shard it is in: that is enough to share the work evenly.
const WEIGHED: usize = 8;

/// How much there is to do in each shard, about.
fn weights(pass: &Pass<'_>) -> Vec<usize> {
    let mut weights = vec![0; SHARDS];
    for row in pass.accepted.iter().step_by(WEIGHED) {
        let role = &pass.roles[row.stream as usize];
        for visit in &role.visits {
            if let Some(hash) = pass.keys(row, role, visit).hash(row.row as usize) {
                weights[shard_of(hash)] += 1;
            }
        }
    }
    weights
}
