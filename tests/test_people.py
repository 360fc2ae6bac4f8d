"""Random people: balanced, in character, and on their side of the held-out plane."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from scipy.stats import truncnorm

from facelib.face.headmodel import load_head
from facelib.files.paths import data_dir
from facelib.geometry.mesh import vertex_normals
from facelib.synthetic.people.population import (
    HELD_OUT_ABOVE,
    LIMIT,
    PHOTOS_FROM_AGE,
    SHAPE_AGE_YEARS,
    TRAINING_BELOW,
    Traits,
    load_population,
    random_shape,
    random_traits,
)

POPULATION = load_population()
MODEL = load_head()


def draw(count, held_out, seed=0):
    rng = np.random.default_rng(seed)
    people = [random_traits(rng) for _ in range(count)]
    shapes = [random_shape(rng, traits, POPULATION, held_out) for traits in people]
    return people, np.array(shapes)


@pytest.fixture(scope="module")
def training():
    return draw(4000, held_out=False)


@pytest.fixture(scope="module")
def held_out():
    return draw(4000, held_out=True)


@pytest.mark.parametrize("which", ["training", "held_out"])
def test_sex_and_origin_are_balanced(which, request):
    people, _ = request.getfixturevalue(which)
    assert np.mean([p.sex == "male" for p in people]) == pytest.approx(0.5, abs=0.03)
    shares = np.mean([p.origins for p in people], axis=0)
    np.testing.assert_allclose(shares, 1 / 3, atol=0.03)
    assert np.mean([p.origins.max() > 0.6 for p in people]) > 0.5  # mixtures are the minority


@pytest.mark.parametrize("which", ["training", "held_out"])
def test_ages_follow_the_photos(which, request):
    ages = np.array([p.age_years for p in request.getfixturevalue(which)[0]])
    ends = [*list(PHOTOS_FROM_AGE)[1:], 81]
    for (first, count), end in zip(PHOTOS_FROM_AGE.items(), ends, strict=True):
        share = ((first <= ages) & (ages < end)).mean()
        assert share == pytest.approx(count / sum(PHOTOS_FROM_AGE.values()), abs=0.025)
    assert 18 <= ages.min() and ages.max() < 81


def test_young_adults_have_the_heads_of_the_models_youngest_age():
    young, youngest = (Traits(age, 0.2, np.eye(3)[1]) for age in (19.0, SHAPE_AGE_YEARS[0]))
    np.testing.assert_array_equal(POPULATION.mean_shape(young), POPULATION.mean_shape(youngest))


def test_training_and_held_out_people_are_apart(training, held_out):
    assert POPULATION.held_out_score(training[1]).max() <= TRAINING_BELOW + 1e-9
    assert POPULATION.held_out_score(held_out[1]).min() >= HELD_OUT_ABOVE - 1e-9


def test_the_held_out_region_is_large_and_its_people_are_ordinary(held_out):
    """One person in ten of the whole population lies there, none of them far out."""
    scores = POPULATION.held_out_score(held_out[1])
    assert truncnorm(-LIMIT, LIMIT).sf(HELD_OUT_ABOVE) == pytest.approx(0.1, abs=0.015)
    assert scores.max() <= LIMIT + 1e-9
    people, shapes = held_out
    z = np.array(
        [
            np.linalg.solve(POPULATION.spread, shape - POPULATION.mean_shape(traits))
            for traits, shape in zip(people[:500], shapes[:500], strict=True)
        ]
    )
    assert np.abs(z).max() < 5 and np.abs(z).mean() == pytest.approx(np.sqrt(2 / np.pi), abs=0.03)


def test_the_region_does_not_depend_on_age_sex_or_origin():
    corners = POPULATION.corner_means.reshape(12, -1)
    np.testing.assert_allclose(POPULATION.held_out_score(corners), 0, atol=1e-6)


def test_statistics_describe_the_heads_that_the_model_was_made_from():
    """Those heads' coefficients have variance 1; ours too, up to other shares of traits."""
    made = load_population(data_dir() / "people" / "makehuman.npz")
    rng = np.random.default_rng(5)
    shapes = np.array(
        [
            random_shape(rng, random_traits(rng), made, held_out=rng.random() < 0.13)
            for _ in range(3000)
        ]
    )
    assert np.sqrt((shapes**2).mean()) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("origin", range(3))
@pytest.mark.parametrize("age_years", SHAPE_AGE_YEARS)
def test_men_have_larger_heads_than_women_of_the_same_kind(origin, age_years):
    origins = np.eye(3)[origin]
    woman, man = (
        MODEL.vertices(POPULATION.mean_shape(Traits(age_years, male, origins))) for male in (0, 1)
    )
    assert np.ptp(man[:, 0]) > np.ptp(woman[:, 0])


def mirror_distance_mm(vertices, face):
    """Root mean square distance of a face to its mirror image along the normals, laid over it."""
    twin = (vertices[MODEL.mirror] * [-1, 1, 1])[face]
    centred, other = vertices[face] - vertices[face].mean(0), twin - twin.mean(0)
    turn, _ = Rotation.align_vectors(centred, other)
    normals = vertex_normals(vertices, MODEL.triangles)[face]
    return np.sqrt((((centred - turn.apply(other)) * normals).sum(1) ** 2).mean())


def test_people_are_as_asymmetric_as_scanned_adults(training):
    """350 scanned adults: 0.63 mm, standard deviation 0.16 mm (doi:10.1597/13-353)."""
    face = MODEL.regions["face"] & ~MODEL.regions["ears"] & ~MODEL.regions["mouth_cavity"]
    distances = [mirror_distance_mm(MODEL.vertices(s), face) for s in training[1][:100]]
    assert np.mean(distances) == pytest.approx(0.63, abs=0.16)


def test_words_for_traits():
    traits = Traits(30.0, 0.9, np.array([0.1, 0.7, 0.2]))
    assert (traits.sex, traits.origin) == ("male", "asian")
    assert Traits(30.0, 0.1, np.array([0.5, 0.3, 0.2])).sex == "female"
