//! Tests of the rows of a timeline.

use proptest::prelude::*;

use super::*;

const MS: Duration = Duration::from_millis(1);

fn interval(answered: u64) -> Interval {
    let mut interval =
        Interval { outcomes: Outcomes { answered, ..Outcomes::default() }, ..Interval::default() };
    for _ in 0..answered {
        interval.service.record(Duration::from_micros(100));
    }
    interval
}

fn answered(timeline: &Timeline) -> Vec<u64> {
    timeline.outcomes(Duration::MAX).map(|(_, _, outcomes)| outcomes.answered).collect()
}

#[test]
fn workers_add_up_in_their_intervals() {
    let mut timeline = Timeline::new(FINE_INTERVAL);
    timeline.add(0, &interval(1));
    timeline.add(2, &interval(3));
    timeline.add(2, &interval(4));
    let rows: Vec<TimelineRow> = timeline.intervals(Duration::MAX).collect();
    assert_eq!(answered(&timeline), [1, 0, 7]);
    assert_eq!((rows[2].start, rows[2].interval.latency().count()), (200 * MS, 7));
    let lengths: Vec<Duration> = timeline.outcomes(250 * MS).map(|(_, length, _)| length).collect();
    assert_eq!(lengths, [100 * MS, 100 * MS, 50 * MS]);
}

#[test]
fn parts_with_rows_of_different_lengths_meet_at_their_times() {
    let row = |answered, length| (interval(answered).pack(), length, CpuTime::default());
    // Rows of 4 s, and rows of 1 s that begin 8 s later.
    let rows = vec![row(1, 4 * SECOND), row(2, 4 * SECOND)];
    let mut long = Timeline::of_rows(SECOND, 4 * SECOND, rows).expect("two rows");
    let rows = (0..4).map(|_| row(3, SECOND)).collect();
    let mut late = Timeline::of_rows(SECOND, SECOND, rows).expect("four rows");
    late.delay(8 * SECOND);
    let mut other = late.clone();
    other.merge(long.clone());
    long.merge(late);
    for timeline in [long, other] {
        assert_eq!(answered(&timeline), [1, 2, 12]);
    }
}

#[test]
fn a_long_run_has_longer_rows_and_loses_nothing() {
    let mut timeline = Timeline::new(SECOND);
    for second in (0..100_000).step_by(500) {
        timeline.add(second, &interval(1));
    }
    let rows: Vec<TimelineRow> = timeline.intervals(Duration::from_secs(1_000_000)).collect();
    assert!(rows.len() <= MOST_ROWS);
    assert_eq!((rows[0].length, timeline.parts_of(128 * SECOND)), (128 * SECOND, 128));
    assert_eq!(timeline.total().answered, 200);
    assert_eq!(rows.iter().map(|row| row.interval.latency().count()).sum::<u64>(), 200);
}

#[test]
fn rows_get_longer_by_steps_that_people_read() {
    let mut lengths = Vec::new();
    for parts in [1_u64, 1_025, 2_049, 10_241, 20_481] {
        let mut timeline = Timeline::new(FINE_INTERVAL);
        timeline.add(0, &interval(1));
        timeline.add(parts - 1, &interval(1));
        assert_eq!(timeline.total().answered, 2);
        lengths.push(timeline.length().as_millis());
    }
    assert_eq!(lengths, [100, 200, 1_000, 2_000, 4_000]);
}

#[test]
fn lengths_from_elsewhere_are_checked() {
    for (part, length) in [(SECOND, 100 * MS), (SECOND, 3 * SECOND), (MS, SECOND), (SECOND, Duration::MAX)] {
        assert!(Timeline::of_rows(part, length, Vec::new()).is_err(), "{part:?} {length:?}");
    }
    let rows = vec![(PackedInterval::default(), SECOND, CpuTime::default()); MOST_ROWS + 1];
    assert!(Timeline::of_rows(SECOND, SECOND, rows).is_err());
}

#[test]
fn cpu_time_belongs_to_the_intervals_between_its_readings() {
    let cpu = |client: u64, server: Option<u64>| CpuTime {
        client: Some(Duration::from_millis(client)),
        server: server.map(Duration::from_millis),
    };
    let mut timeline = Timeline::new(FINE_INTERVAL);
    for index in 0..5 {
        timeline.add(index, &interval(1));
    }
    // A reading of each row, one of two rows, and none at the end.
    timeline.add_cpu((MS, 100 * MS), cpu(99, Some(10)));
    timeline.add_cpu((100 * MS, 200 * MS), cpu(50, None));
    timeline.add_cpu((200 * MS, 400 * MS), cpu(30, Some(60)));
    timeline.add_cpu((400 * MS, 450 * MS), cpu(5, Some(5)));
    let of_rows =
        |timeline: &Timeline| -> Vec<CpuTime> { timeline.intervals(500 * MS).map(|row| row.cpu).collect() };
    let expected =
        [cpu(99, Some(10)), cpu(50, None), cpu(15, Some(30)), cpu(15, Some(30)), CpuTime::default()];
    assert_eq!(of_rows(&timeline), expected);
    let mut sum = timeline.clone();
    sum.merge(timeline);
    let doubled =
        [cpu(198, Some(20)), cpu(100, None), cpu(30, Some(60)), cpu(30, Some(60)), CpuTime::default()];
    assert_eq!(of_rows(&sum), doubled);
    sum.coarsen();
    assert_eq!(of_rows(&sum), [cpu(298, None), cpu(60, Some(120)), CpuTime::default()]);
    sum.without_server_cpu();
    assert_eq!(of_rows(&sum), [cpu(298, None), cpu(60, None), CpuTime::default()]);
}

#[test]
fn a_short_last_row_has_the_part_of_its_length() {
    let mut timeline = Timeline::new(FINE_INTERVAL);
    timeline.add(0, &interval(1));
    // The reading is late: the row of 10 ms has a third of its CPU time.
    let client = Some(15 * MS);
    timeline.add_cpu((Duration::ZERO, 30 * MS), CpuTime { client, server: None });
    let row = timeline.intervals(10 * MS).next().expect("a row");
    assert_eq!((row.length, row.cpu.client), (10 * MS, Some(5 * MS)));
    let mut long = Timeline::new(SECOND);
    long.coarsen();
    assert_eq!((long.parts_of(2 * SECOND), long.parts_of(300 * MS), long.parts_of(1_001 * MS)), (2, 1, 2));
}

proptest! {
    /// Whatever the times of the readings, no CPU time is lost or counted twice.
    #[test]
    fn the_cpu_time_of_all_rows_is_that_of_all_readings(
        readings in prop::collection::vec((1_u64..900_000_000, 0_u64..2_000_000_000), 1..40),
    ) {
        let mut timeline = Timeline::new(FINE_INTERVAL);
        let (mut at, mut sum) = (0, 0);
        for (later, used) in readings {
            let client = Some(Duration::from_nanos(used));
            let between = (Duration::from_nanos(at), Duration::from_nanos(at + later));
            timeline.add_cpu(between, CpuTime { client, server: None });
            at += later;
            sum += used;
        }
        // The last row ends with the last reading.
        let rows = timeline.intervals(Duration::from_nanos(at));
        let of_rows: Duration = rows.map(|row| row.cpu.client.expect("each row was read")).sum();
        prop_assert_eq!(of_rows, Duration::from_nanos(sum));
    }
}
