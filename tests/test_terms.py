"""Each term of the loss: its value in closed form, its blind spots, and its gradient."""

import numpy as np
import pytest
import torch
from scipy import stats

from facelib.face.layout import load_layout
from facelib.geometry.registration import umeyama
from facelib.geometry.transforms import rotation_from_pose
from facelib.networks.base import TYPICAL_DEVIATION
from facelib.training.loss import (
    TrainingLoss,
    loss_mask,
)
from facelib.training.settings import LossSettings
from facelib.training.terms import (
    edge_error,
    fit_similarities,
    keypoint_error,
    keypoint_texels,
    likelihood_error,
    normal_error,
    normals,
    position_error,
    read_texels,
    shape_error,
    side_lengths,
    triangle_weights,
)

SIZE = 32


TERMS = ("normal", "edge", "keypoint", "shape")  # those of the map


KINDS = ("squared", "absolute")


MASKS = ("feathered", "hard", "none")


def faces(count=3, size=SIZE, seed=0):
    """Position maps of different smooth heads, float64 map unit, and their layout."""
    layout, rng = load_layout(size), np.random.default_rng(seed)
    heads = layout.references_head[rng.permutation(len(layout.references_head))[:count]]
    maps = np.stack([layout.position_map(head / 200) for head in heads])
    return torch.from_numpy(maps).permute(0, 3, 1, 2).double(), layout


def moved(maps, scale=1.0, pose=(0.0, 0.0, 0.0), shift=(0.0, 0.0, 0.0)):
    turn = torch.from_numpy(scale * rotation_from_pose(*pose))
    shift = torch.tensor(shift, dtype=maps.dtype)[:, None, None]
    return torch.einsum("ij,bjvu->bivu", turn, maps) + shift


def all_terms(layout, kind="squared"):
    settings = LossSettings(kind, **{f"{term}_weight": 1.0 for term in TERMS})
    return TrainingLoss(settings, layout)


def double(loss):
    """Bring a loss to float64, in which finite differences can be trusted."""
    loss.mask, loss.triangles = loss.mask.double(), loss.triangles.double()
    loss.keypoints = (loss.keypoints[0], loss.keypoints[1].double())
    return loss


def test_one_wrong_texel_costs_its_share():
    a, mask = torch.zeros(2, 3, 4, 4), torch.ones(4, 4)
    mask[1, 2] = 5.0
    b = a.clone()
    b[1, 0, 1, 2] = -0.3
    share = 5 / 20 / (2 * 3)
    assert position_error(a, b, mask, "squared").item() == pytest.approx(0.09 * share)
    assert position_error(a, b, mask, "absolute").item() == pytest.approx(0.3 * share)


@pytest.mark.parametrize(
    ("kind", "density"), [("squared", stats.norm), ("absolute", stats.laplace)]
)
def test_likelihood_is_that_of_the_distribution_but_for_scale_and_shift(kind, density):
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 0.05, (2, 2, 3, 4, 4))
    log_deviation, mask = rng.normal(-4, 1, (2, 1, 4, 4)), rng.random((4, 4))

    def both(log_deviation):
        minus_log = -density.logpdf(a - b, scale=np.exp(log_deviation))
        tensors = (torch.from_numpy(x) for x in (a, b, log_deviation, mask))
        mean = np.average(minus_log.mean(axis=(0, 1)), weights=mask)
        return np.array([likelihood_error(*tensors, kind).item(), mean])

    typical = both(np.full_like(log_deviation, np.log(TYPICAL_DEVIATION)))
    ours, theirs = both(log_deviation) - typical
    power = 2 if kind == "squared" else 1
    assert ours == pytest.approx(power * TYPICAL_DEVIATION**power * theirs)
    plain = position_error(*(torch.from_numpy(x) for x in (a, b, mask)), kind)
    assert typical[0] == pytest.approx(plain.item())


@pytest.mark.parametrize("kind", KINDS)
def test_the_likeliest_deviation_is_the_error_that_was_made(kind):
    error = torch.full((1, 3, 4, 4), 0.07, dtype=torch.double)
    log_deviation = torch.tensor(np.log(0.07)).expand(1, 1, 4, 4).clone().requires_grad_()
    mask = torch.ones(4, 4, dtype=torch.double)
    likelihood_error(error, torch.zeros_like(error), log_deviation, mask, kind).backward()
    assert log_deviation.grad.abs().max() < 1e-12


def test_normals_of_a_plane_and_of_a_sphere():
    ramp = (torch.arange(SIZE, dtype=torch.double) + 0.5) / SIZE
    v, u = torch.meshgrid(ramp, ramp, indexing="ij")
    plane = torch.stack([u, v, 0.5 * u])[None]
    expected = torch.tensor([-0.5, 0, 1], dtype=torch.double) / 1.25**0.5
    torch.testing.assert_close(normals(plane)[0, :, 3, 5], expected)
    x, y = 1.2 * (u - 0.5), 1.2 * (v - 0.5)
    sphere = torch.stack([x, y, (1 - x * x - y * y).sqrt()])[None]
    cosines = (normals(sphere) * sphere[..., :-1, :-1]).sum(dim=1)
    assert cosines.min() > np.cos(2 * 1.2 / SIZE)  # the radius, but for a texel's width


def test_a_turned_map_has_normals_off_by_the_angle():
    angle = 0.2
    ramp = (torch.arange(SIZE, dtype=torch.double) + 0.5) / SIZE
    v, u = torch.meshgrid(ramp, ramp, indexing="ij")
    plane = torch.stack([u, v, 0 * u])[None]
    ones = torch.ones(SIZE - 1, SIZE - 1, dtype=torch.double)
    got = normal_error(moved(plane, pose=(angle, 0, 0)), plane, ones, "squared")
    assert got.item() == pytest.approx((2 - 2 * np.cos(angle)) / 3)


def test_what_a_term_cannot_see_it_does_not_count():
    maps, layout = faces()
    other = maps.flip(0) + 0.01 * torch.randn(
        maps.shape, generator=torch.Generator().manual_seed(1)
    )
    loss = double(all_terms(layout))
    turned = {"pose": (0.1, -0.3, 0.2), "shift": (0.1, 0.2, -0.3)}
    depth = other.clone()
    depth[:, 2] += torch.rand(SIZE, SIZE)
    unseen = {
        "normal": moved(other, scale=1.3, shift=(0.1, 0.2, -0.3)),
        "edge": moved(other, **turned),
        "keypoint": depth,
        "shape": moved(other, scale=1.3, **turned),
    }
    plain = loss.terms(other, maps)
    for name, changed in unseen.items():
        after = loss.terms(changed, maps)
        assert plain[name] > 1e-6
        assert after[name].item() == pytest.approx(plain[name].item(), rel=1e-6)
        assert after["position"].item() != pytest.approx(plain["position"].item(), rel=1e-2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_perfect_map_costs_nothing(kind):
    maps, layout = faces()
    for name, value in double(all_terms(layout, kind)).terms(maps, maps).items():
        assert value < 1e-12, name


def test_twice_as_large_has_edges_twice_as_long():
    maps, _ = faces(1)
    ones = torch.ones(SIZE - 1, SIZE - 1, dtype=torch.double)
    zero, one = (edge_error(scale * maps, 0 * maps, ones, "absolute") for scale in (1, 2))
    assert one.item() == pytest.approx(2 * zero.item())
    doubled = edge_error(2 * maps, maps, ones, "absolute")
    assert doubled.item() == pytest.approx(zero.item())


def test_edges_and_normals_do_not_depend_on_the_size_of_the_map():
    settings, values = LossSettings(normal_weight=1, edge_weight=1), []
    for size in (64, 128):
        maps, layout = faces(2, size)
        maps = maps.float()
        values.append(TrainingLoss(settings, layout).terms(maps, maps.flip(0)))
    for name in ("normal", "edge"):
        assert values[0][name].item() == pytest.approx(values[1][name].item(), rel=0.25)


def test_a_triangle_counts_as_its_least_texel_does():
    weights = torch.full((3, 3), 4.0)
    weights[1, 1], weights[2, 0] = 1.0, 0.0
    assert triangle_weights(weights).tolist() == [[4.0, 1.0], [0.0, 1.0]]


def test_a_side_is_as_long_as_its_texels_are_apart():
    maps, _ = faces(1)
    p = maps[0, :, 7:9, 3:5]
    ends = (p[:, 0, 1] - p[:, 0, 0], p[:, 1, 0] - p[:, 0, 0], p[:, 1, 0] - p[:, 0, 1])
    expected = [SIZE * np.linalg.norm(end) for end in ends]
    np.testing.assert_allclose(side_lengths(maps)[0, :, 7, 3], expected)


def test_beyond_the_seam_there_is_no_surface_to_match():
    maps, layout = faces(2, 64)
    loss = double(all_terms(layout))
    outside = torch.from_numpy(~layout.coverage)
    spoiled = maps + 0.1 * outside * torch.rand(64, 64)
    assert outside.any() and (loss.mask[outside] > 0).any()
    plain, after = loss.terms(maps, maps), loss.terms(spoiled, maps)
    assert after["normal"] == plain["normal"] and after["edge"] == plain["edge"]
    assert after["position"] > plain["position"]


def test_keypoints_are_read_where_the_layout_has_them():
    layout = load_layout(128)
    vertices = layout.references_head[0].astype(np.float64)
    maps = torch.from_numpy(layout.position_map(vertices)).permute(2, 0, 1)[None]
    got = read_texels(maps, *keypoint_texels(layout))[0].T
    off_mm = np.linalg.norm(got.numpy() - layout.keypoints(vertices), axis=1)
    assert np.median(off_mm) < 0.3 and off_mm.max() < 2.5  # bilinear reading cuts lips and lids
    two = torch.zeros(1, 3, 128, 128)
    two[:, 0] = 0.3
    error = keypoint_error(two, torch.zeros_like(two), keypoint_texels(layout), "squared")
    assert error.item() == pytest.approx(0.09 / 2)


def test_similarities_are_umeyamas():
    rng = np.random.default_rng(3)
    source, target = rng.normal(size=(2, 4, 3, 50))
    target[0] = [[-1], [1], [1]] * source[0]  # best fitted by a reflection, which is none
    weights = rng.random(50)
    rotations, shifts = fit_similarities(*(torch.from_numpy(x) for x in (source, target, weights)))
    for a, b, rotation, shift in zip(source, target, rotations, shifts, strict=True):
        expected = umeyama(a.T, b.T, weights=weights)
        np.testing.assert_allclose(rotation, expected.scale * expected.rotation, atol=1e-10)
        np.testing.assert_allclose(shift[:, 0], expected.translation, atol=1e-10)


def test_holding_the_similarity_constant_loses_nothing_of_the_gradient():
    maps, layout = faces(2)
    prediction = moved(maps.flip(0), 1.1, (0.1, 0.2, 0.0)).requires_grad_()
    mask = loss_mask(layout, "feathered").double()
    shape_error(prediction, maps, mask, "squared").backward()
    way = torch.randn(maps.shape, dtype=torch.double, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        ends = (shape_error(prediction + s * way, maps, mask, "squared") for s in (1e-4, -1e-4))
        slope = torch.sub(*ends) / 2e-4
    assert (prediction.grad * way).sum().item() == pytest.approx(slope.item(), rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_finite_differences(kind):
    """Without shape: its absolute gradient is not exact, and its squared one is tested above."""
    maps, layout = faces(2)
    loss = double(all_terms(layout, kind))
    generator = torch.Generator().manual_seed(4)
    prediction = moved(maps.flip(0), 1.1) + 0.05 * torch.randn(maps.shape, generator=generator)
    log_deviation = torch.randn(2, 1, SIZE, SIZE, generator=generator).double() - 4

    def total(prediction, log_deviation):
        terms = loss.terms(prediction, maps)
        likelihood = likelihood_error(prediction, maps, log_deviation, loss.mask, kind)
        return likelihood + sum(terms[name] for name in ("position", "normal", "edge", "keypoint"))

    inputs = (prediction.requires_grad_(), log_deviation.requires_grad_())
    assert torch.autograd.gradcheck(total, inputs, eps=1e-7, atol=1e-5, fast_mode=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_map_without_any_shape_has_a_finite_gradient(kind):
    maps, layout = faces(2)
    point = torch.full_like(maps, 0.4).float().requires_grad_()
    all_terms(layout, kind)(point, maps.float()).backward()
    assert point.grad.isfinite().all()
