from common.core.uploads.turns import BATCH_BYTES, BATCH_PARCELS, FIRST_PARCELS, LEAST_BYTES, Parcel, Turns

S = 1_000_000_000


def parcel(number: int, size: int = 10) -> Parcel:
    return Parcel(f"{number:04}.jsonl.gz", size, number, number)


def turns() -> Turns:
    return Turns(lambda: 0.0)


def test_the_oldest_go_first_in_batches_that_are_bounded_by_number_and_bytes() -> None:
    many, known = [parcel(number) for number in range(BATCH_PARCELS + 5)], turns()
    assert known.batch(many, 0) == many[:FIRST_PARCELS]
    for _ in range(9):
        known.went()
    assert known.batch(many, 0) == many[:BATCH_PARCELS]
    large = [parcel(number, BATCH_BYTES // 2) for number in range(3)]
    assert known.batch(large, 0) == large[:2]
    assert known.batch([parcel(1, 2 * BATCH_BYTES)], 0) == [parcel(1, 2 * BATCH_BYTES)]


def test_a_batch_that_broke_off_is_followed_by_smaller_ones_until_one_goes() -> None:
    waiting, known = [parcel(number) for number in range(300)], turns()
    sizes = []
    for _ in range(8):
        batch = known.batch(waiting, 0)
        sizes.append(len(batch))
        known.broke_off(batch)
    assert sizes == [64, 32, 16, 8, 4, 2, 1, 1]
    known.went()
    assert len(known.batch(waiting, 0)) == 2
    large = [parcel(number, LEAST_BYTES // 2) for number in range(9)]
    assert len(known.batch(large, 0)) == 2


def test_one_that_failed_waits_longer_each_time_and_holds_no_other_up() -> None:
    waiting, known = [parcel(1), parcel(2)], turns()
    known.failed(waiting[0].path, 0)
    assert known.batch(waiting, 14 * S) == waiting[1:]
    assert known.batch(waiting, 15 * S) == waiting
    known.failed(waiting[0].path, 15 * S)
    assert known.batch(waiting, 44 * S) == waiting[1:]
    assert known.batch(waiting, 45 * S) == waiting
    for _ in range(20):
        known.failed(waiting[0].path, 0)
    assert known.batch(waiting, 1800 * S) == waiting, "an hour is the longest step"
    known.failed(waiting[0].path, 0)
    known.done(waiting[0].path)
    assert known.batch(waiting, 0) == waiting
