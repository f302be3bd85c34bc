//! The rows of chosen users as they were at instants.

use std::collections::HashMap;

use marquee_domain::{Timestamp, UserId};
use marquee_features::{Timeline, TimelineEvent, UserRow};
use marquee_log::Movies;

/// One timeline for each user. Times of a user that rise cost each event once; a time that falls
/// starts the user's timeline again.
///
/// Memory grows with the events of the users, not with the number of instants.
#[derive(Debug, Default)]
pub(crate) struct UserTimelines {
    events: HashMap<UserId, Vec<TimelineEvent>>,
    started: HashMap<UserId, (Timestamp, Timeline)>,
}

impl UserTimelines {
    /// Adds an event. All events of a user must be added before the first read of the user.
    pub(crate) fn add(&mut self, event: TimelineEvent) {
        self.events.entry(event.event.user().clone()).or_default().push(event);
    }

    /// Returns a user's row as of an instant, if an event of the user was known by then.
    pub(crate) fn row(&mut self, user: &UserId, at: Timestamp, movies: &Movies) -> Option<&UserRow> {
        let events = self.events.get(user)?;
        if self.started.get(user).is_none_or(|(reached, _)| *reached > at) {
            self.started.insert(user.clone(), (at, Timeline::new(events.clone(), false)));
        }
        let (reached, timeline) = self.started.get_mut(user)?;
        *reached = at;
        timeline.advance(at, |movie| movies.genres(movie));
        timeline.user(user)
    }
}

#[cfg(test)]
mod tests {
    use marquee_domain::{MovieId, Offset, Rating, RatingEvent};

    use super::*;

    #[test]
    fn a_user_is_read_at_instants_in_any_order() {
        let user = UserId::try_new("user").expect("an id");
        let mut timelines = UserTimelines::default();
        for n in 0..5 {
            let movie = MovieId::try_new(&format!("movie-{n}")).expect("an id");
            let at = Timestamp::from_seconds(100 + n);
            let event = RatingEvent::Rated(Rating { user: user.clone(), movie, value: 3.0, rated_at: at });
            timelines.add(TimelineEvent::new(Offset(n as u64), event, None));
        }
        let mut count = |second: i64| {
            let row = timelines.row(&user, Timestamp::from_seconds(second), &Movies::default());
            row.map_or(0, |row| row.summary().moments.count())
        };
        let counts: Vec<u64> = [102, 104, 99, 100, 104, 101].into_iter().map(&mut count).collect();
        assert_eq!(counts, [3, 5, 0, 1, 5, 2]);
        let stranger = UserId::try_new("stranger").expect("an id");
        assert!(timelines.row(&stranger, Timestamp::from_seconds(104), &Movies::default()).is_none());
    }
}
